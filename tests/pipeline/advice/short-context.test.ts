// Knows: when rows are said to be longer than a student's context, before and after a training.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { contentId } from '../../../src/domain/id.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import {
  adviseOnContext,
  adviseOnCutRows,
  estimateRowTokens,
} from '../../../src/pipeline/advice/short-context.ts'
import { countRowFacts } from '../../../src/pipeline/training/row-facts.ts'
import { trainStudentTokenizer } from '../../../src/engine/tokenizers/templates/student-template.ts'
import { SMALL_TRAINING } from '../../stand-ins/sample-project.ts'

const settings: TrainSettings = { ...SMALL_TRAINING, context: 256 }
const { vocabulary: _, labelSmoothing: __, loss: ___, ...common } = settings
const dpo: TrainSettings = { ...common, loss: 'dpo', beta: 0.1 }
const lora: TrainSettings = { ...common, loss: 'lora', rank: 8, alpha: 16, projections: 'all' }

describe('adviseOnContext', () => {
  it('counts the rows that are cut, and offers a context that all fit with its cost', () => {
    expect(adviseOnContext({ settings, rowBytes: [100, 300, 900, 1200, 200, 1500, 400] })).toEqual({
      id: 'short-context',
      sentence:
        'About 3 of 7 training rows are longer than the context of 256 tokens and would be cut. Raise Context length to 1024: all fit, and a step takes about 2.7 times as long.',
      remedy: {
        label: 'Set Context length to 1024',
        change: { kind: 'set-training', field: 'context', value: 1024 },
      },
    })
  })
  it('says nothing where rows fit, are few of many, or the context is that of another student', () => {
    expect(adviseOnContext({ settings, rowBytes: [100, 300] })).toBeUndefined()
    expect(adviseOnContext({ settings, rowBytes: [] })).toBeUndefined()
    const many = Array.from({ length: 200 }, (_row, i) => (i < 2 ? 5000 : 100))
    expect(adviseOnContext({ settings, rowBytes: many })).toBeUndefined()
    expect(adviseOnContext({ settings: dpo, rowBytes: [5000, 5000] })).toBeUndefined()
  })
  it('offers shorter rows where there is no longer context', () => {
    expect(adviseOnContext({ settings, rowBytes: [100_000, 300] })?.sentence).toContain(
      'Raise Context length to 2048: all but 1 fit, and a step takes about 8 times as long',
    )
    const longest = adviseOnContext({ settings: { ...settings, context: 2048 }, rowBytes: [100_000, 300] })
    expect(longest?.sentence).toContain('That is the longest context there is')
    expect(longest?.remedy?.change).toEqual({ kind: 'open', screen: 'recipe' })
  })
  it('expects fewer tokens of a large model’s vocabulary than of one learned from the rows', () => {
    expect(estimateRowTokens(1000, lora)).toBeLessThan(estimateRowTokens(1000, settings))
  })
  it.each([512, 1024])(
    'is within a third of the tokens of a vocabulary of %i entries that was learned from prose',
    (vocabulary) => {
      const texts = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8').split('\n')
      const { tokenizer } = trainStudentTokenizer(texts, vocabulary)
      const bytes = texts.reduce((sum, text) => sum + new TextEncoder().encode(text).length, 0)
      const tokens = texts.reduce((sum, text) => sum + tokenizer.encode(text).length, 0)
      const estimate = estimateRowTokens(bytes, { ...settings, vocabulary })
      expect(estimate / tokens).toBeGreaterThan(0.67)
      expect(estimate / tokens).toBeLessThan(1.33)
    },
  )
})

describe('adviseOnCutRows', () => {
  it('counts the rows that were cut or left out, and offers twice the context', () => {
    const cut = adviseOnCutRows({ settings, truncatedRows: 3, skippedRows: 1 }, 7)
    expect(cut?.sentence).toBe(
      '4 of 7 training rows were longer than the context of 256 tokens and were cut or, 1 of them, left out: the student saw no end of them. Raise Context length.',
    )
    expect(cut?.remedy?.change).toEqual({ kind: 'set-training', field: 'context', value: 512 })
    expect(adviseOnCutRows({ settings, truncatedRows: 0, skippedRows: 0 }, 7)).toBeUndefined()
    expect(adviseOnCutRows({ settings: dpo, truncatedRows: 3, skippedRows: 0 }, 7)).toBeUndefined()
  })
})

it('counts the bytes of training rows alone, as UTF-8', () => {
  const row = (split: DatasetRow['split'], prompt: string): DatasetRow => ({
    rowId: contentId('row', prompt),
    seedId: contentId('seed', prompt),
    split,
    system: 'S',
    prompt,
    completion: 'é',
    editedByHand: false,
  })
  const facts = countRowFacts([row('train', 'ab'), row('held-out', 'abc')], [], new Map())
  expect(facts.rowBytes).toEqual([5])
})
