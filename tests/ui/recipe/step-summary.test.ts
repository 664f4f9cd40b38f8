import { expect, test } from 'vitest'
import { complete } from '../../../src/pipeline/completing/complete.ts'
import { rubric } from '../../../src/pipeline/judging/rubric.ts'
import { summariseStep } from '../../../src/ui/recipe/step-summary.ts'

const summarise = (settings: Record<string, unknown>): string =>
  summariseStep(complete, { family: 'complete', name: 'teacher', settings })

test('shows the first settings of a step that has only defaults', () => {
  expect(summarise({})).toBe('completions per prompt 1 · temperature 0.7 · top-k 0 · top-p 0.95 · min-p 0')
})

test('shows settings that differ from their default before others, in the order of the form', () => {
  expect(summarise({ maxTokens: 60, thinking: true })).toBe(
    'completions per prompt 1 · temperature 0.7 · top-k 0 · max tokens 60 · reasoning',
  )
})

test('says what to do about an unknown step', () => {
  expect(summariseStep(undefined, { family: 'filter', name: 'lenght', settings: {} })).toMatch(/Unknown step/)
})

test('leaves out settings that have no effect next to the others', () => {
  const judge = (settings: Record<string, unknown>): string =>
    summariseStep(rubric, { family: 'judge', name: 'rubric', settings })
  expect(judge({ maxTokens: 100 })).not.toMatch(/max tokens of reasoning/)
  expect(judge({ maxTokens: 100, thinking: true })).toMatch(/max tokens of reasoning 100/)
})
