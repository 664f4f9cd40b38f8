// Knows: which rows count as equal, and that the first of them is kept.
import { expect, test } from 'vitest'
import { exactDuplicates } from '../../../src/pipeline/comparing-rows/exact-duplicates.ts'
import type { StageContext } from '../../../src/pipeline/stages/stage.ts'
import { drive } from '../programs/drive.ts'
import { makeRow, teacher } from '../samples.ts'

const context: StageContext = { step: 2, rngSeed: 1, modelOf: () => ({ ref: teacher, contextLength: 512 }) }
const noCall = (): never => {
  throw new Error('it makes no call')
}
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
  const settings = { of, normalised }
  const held = rows.map((row) => exactDuplicates.hold(row, settings))
  const { outcome } = drive(exactDuplicates.together(held, settings, context), noCall)
  expect(outcome.decisions.map(({ kind }) => kind)).toEqual(wanted)
  expect(outcome.similar?.get(3)).toEqual({ to: 0, score: 1 })
})

test('100,000 rows are held as hashes, and decided with a pause every few hundred', () => {
  const settings = { of: 'prompt and completion', normalised: true } as const
  const held = Array.from({ length: 100_000 }, (_, i) =>
    exactDuplicates.hold({ ...rows[0]!, prompt: `prompt ${i % 60_000}`.repeat(20) }, settings),
  )
  expect(held.every((key) => key.length === 32)).toBe(true)
  const { outcome, pauses } = drive(exactDuplicates.together(held, settings, context), noCall)
  expect(outcome.decisions.filter(({ kind }) => kind === 'dropped')).toHaveLength(40_000)
  expect(pauses).toBeGreaterThan(100_000 / 500)
})
