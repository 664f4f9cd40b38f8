import { expect, test } from 'vitest'
import { datasetId, type DatasetRow } from '../../src/domain/dataset.ts'
import type { RowId, SeedId } from '../../src/domain/id.ts'
import { refOf } from '../../src/domain/model-card.ts'
import { settingsOf } from '../../src/domain/recipe.ts'
import { effectiveText } from '../../src/domain/row.ts'
import { countParameters } from '../../src/domain/student.ts'
import { length } from '../../src/pipeline/filters/length.ts'
import { description, makeRow } from '../pipeline/samples.ts'

const row: DatasetRow = {
  rowId: 'r' as RowId,
  seedId: 's' as SeedId,
  split: 'train',
  system: '',
  prompt: 'p',
  completion: 'c',
  editedByHand: false,
}

test('derives a dataset’s id from its texts, their split and their scores alone', () => {
  const id = datasetId([row])
  expect(datasetId([{ ...row, rowId: 'other' as RowId, editedByHand: true }])).toBe(id)
  for (const changed of [
    { split: 'held-out' },
    { prompt: 'q' },
    { completion: 'd' },
    { system: 'x' },
    { score: 3 },
  ] as Partial<DatasetRow>[])
    expect(datasetId([{ ...row, ...changed }])).not.toBe(id)
  expect(datasetId([row, { ...row, prompt: 'q' }])).not.toBe(datasetId([{ ...row, prompt: 'q' }, row]))
})

test('derives equal ids from scores that differ in their last digits', () => {
  const at = (score: number): string =>
    datasetId([{ ...row, score, rejected: { completion: 'd', score: score - 1 } }])
  expect(at(3.000001)).toBe(at(2.999999))
  expect(at(3.2)).not.toBe(at(3))
})

test('reads a row with its edit and keeps the original', () => {
  const edited = makeRow(1, { edit: { prompt: 'by hand', completion: 'edited too', editedAt: 1 } })
  expect(effectiveText(edited)).toEqual({ prompt: 'by hand', completion: 'edited too' })
  expect(edited.prompt).toBe('prompt 1')
  expect(effectiveText(makeRow(1))).toEqual({ prompt: 'prompt 1', completion: 'completion 1' })
})

test('counts the parameters in the tensors of a shape', () => {
  // Embedding 10×8; per layer q 8×8, k 4×8, v 4×8, o 8×8, gate 16×8, up 16×8, down 8×16, two norms of 8; a final norm of 8.
  const layer = 64 + 32 + 32 + 64 + 128 + 128 + 128 + 16
  expect(
    countParameters({
      layers: 2,
      width: 8,
      heads: 4,
      kvHeads: 2,
      feedForward: 16,
      vocabulary: 10,
      context: 5,
    }),
  ).toBe(80 + 2 * layer + 8)
})

test('leaves out a licence that the file does not name', () => {
  expect(refOf(description().card)).not.toHaveProperty('licence')
  expect(refOf({ ...description().card, licence: 'mit' }).licence).toBe('mit')
})

test('reads settings only under the declaration that checked them', () => {
  expect(settingsOf(length, { family: 'filter', name: 'length', settings: { min: 1, max: 2 } })).toEqual({
    min: 1,
    max: 2,
  })
  expect(() => settingsOf(length, { family: 'filter', name: 'ending', settings: {} })).toThrow(TypeError)
})
