import { expect, test } from 'vitest'
import { ending } from '../../../src/pipeline/filters/ending.ts'

const decide = (finishReason: 'end' | 'length' | 'aborted', settings = { length: true, aborted: true }) =>
  ending.decide({ prompt: '', completion: 'text', finishReason, settings })

test('keeps a finished completion, and drops a cut or stopped one with the reason', () => {
  expect(decide('end').kind).toBe('kept')
  expect(decide('length')).toMatchObject({ kind: 'dropped', reason: 'cut by length before its end' })
  expect(decide('aborted')).toMatchObject({ kind: 'dropped', reason: 'stopped before its end' })
})

test('keeps cut or stopped completions if its settings allow them', () => {
  expect(decide('length', { length: false, aborted: true }).kind).toBe('kept')
  expect(decide('aborted', { length: true, aborted: false }).kind).toBe('kept')
})
