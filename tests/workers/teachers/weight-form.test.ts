// In which form weights are held, and the sentence that says why.
import { describe, expect, test } from 'vitest'
import { chooseWeightForm } from '../../../workers/teachers/weight-form.ts'

const GiB = 2 ** 30
const model = (floats: number, packed: number) => ({
  name: 'Some model',
  memoryBytes: { wasm: floats * GiB, webgpu: packed * GiB },
})

describe('weights', () => {
  test('are floats on the processor where they fit, packed where only that fits, and refused where neither does', () => {
    expect(chooseWeightForm('wasm', model(1, 0.2))).toMatchObject({
      form: 'f32',
      note: expect.stringContaining('fastest'),
    })
    expect(chooseWeightForm('wasm', model(9, 2))).toMatchObject({
      form: 'nb4s',
      note: expect.stringContaining('several times slower'),
    })
    expect(() => chooseWeightForm('wasm', model(40, 9))).toThrow(
      /“Some model” needs about 9\.0 GiB, and wasm has 4\. Choose a smaller model/,
    )
  })

  test('are packed on a graphics card, unless floats are wanted', () => {
    expect(chooseWeightForm('webgpu', model(1, 0.2)).form).toBe('nb4s')
    expect(chooseWeightForm('webgpu', model(1, 0.2), { wanted: 'f32' })).toMatchObject({
      form: 'f32',
      note: expect.stringContaining('as you chose'),
    })
  })

  test('are what was wanted where that can be had, and what fits otherwise', () => {
    expect(chooseWeightForm('wasm', model(1, 0.2), { wanted: 'nb4s' }).form).toBe('nb4s')
    expect(chooseWeightForm('wasm', model(9, 2), { wanted: 'f32' }).form).toBe('nb4s')
    expect(chooseWeightForm('wasm', model(1, 0.2), { wanted: 'nb4s', forms: ['f32'] })).toMatchObject({
      form: 'f32',
      note: expect.stringContaining('cannot be had packed'),
    })
    expect(() => chooseWeightForm('wasm', model(9, 2), { forms: ['f32'] })).toThrow(/9\.0 GiB/)
    expect(chooseWeightForm('webgpu', model(9, 2), { forms: ['f32'] }).form).toBe('f32')
  })
})
