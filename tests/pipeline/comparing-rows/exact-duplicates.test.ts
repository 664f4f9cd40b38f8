// Knows: which rows count as equal, and that the first of them is kept.
import { expect, test } from 'vitest'
import { exactDuplicates } from '../../../src/pipeline/comparing-rows/exact-duplicates.ts'
import type { StageContext } from '../../../src/pipeline/stages/stage.ts'
import { makeRow, teacher } from '../samples.ts'

const context: StageContext = { step: 2, rngSeed: 1, modelOf: () => ({ ref: teacher, contextLength: 512 }) }
const texts = [
  ['Why?', 'Because.'],
  ['Why?', ' because. '],
  ['How?', 'Because.'],
  ['Why?', 'Because.'],
] as const
const rows = texts.map(([prompt, completion], i) => makeRow(i, { prompt, completion }))

test.each([
  ['prompt and completion', true, ['kept', 'dropped', 'kept', 'dropped']],
  ['prompt and completion', false, ['kept', 'kept', 'kept', 'dropped']],
  ['completion', true, ['kept', 'dropped', 'dropped', 'dropped']],
] as const)('of equal %s (ignoring case and spaces: %s) the first is kept', (of, normalised, wanted) => {
  const ended = exactDuplicates.together(rows, { of, normalised }, context).next()
  if (ended.done !== true) throw new Error('it makes no call')
  expect(ended.value.decisions.map(({ kind }) => kind)).toEqual(wanted)
})

test('100,000 rows are decided in one pass', () => {
  const many = Array.from({ length: 100_000 }, (_, i) => ({ ...rows[0]!, prompt: `prompt ${i % 60_000}` }))
  const ended = exactDuplicates
    .together(many, { of: 'prompt and completion', normalised: true }, context)
    .next()
  if (ended.done !== true) throw new Error('it makes no call')
  expect(ended.value.decisions.filter(({ kind }) => kind === 'dropped')).toHaveLength(40_000)
})
