// The form of weights on each backend, and the sentence with the reason.
import { describe, expect, test } from 'vitest'
import { chooseWeightForm } from '../../../workers/teachers/weight-form.ts'

const GiB = 2 ** 30
const model = (floats: number, packed: number) => ({
  name: 'Some model',
  memoryBytes: { wasm: floats * GiB, webgpu: packed * GiB },
})

describe('chooseWeightForm', () => {
  test('chooses floats on the processor if they fit, packed weights otherwise, and refuses if neither fits', () => {
    expect(chooseWeightForm('wasm', model(1, 0.2))).toMatchObject({
      form: 'f32',
      note: expect.stringContaining('fastest'),
    })
    expect(chooseWeightForm('wasm', model(9, 2))).toMatchObject({
      form: 'nb4s',
      note: expect.stringContaining('several times slower'),
    })
    expect(() => chooseWeightForm('wasm', model(40, 9))).toThrow(
      /“Some model” needs about 9\.0 GiB, and WebAssembly has 4\. Choose a smaller model/,
    )
  })

  test('chooses packed weights on a graphics card unless floats are requested', () => {
    expect(chooseWeightForm('webgpu', model(1, 0.2)).form).toBe('nb4s')
    expect(chooseWeightForm('webgpu', model(1, 0.2), { preferred: 'f32' })).toMatchObject({
      form: 'f32',
      note: expect.stringContaining('as you chose'),
    })
  })

  test('chooses the requested form if it is available and fits, or the other one', () => {
    expect(chooseWeightForm('wasm', model(1, 0.2), { preferred: 'nb4s' }).form).toBe('nb4s')
    expect(chooseWeightForm('wasm', model(9, 2), { preferred: 'f32' }).form).toBe('nb4s')
    expect(chooseWeightForm('wasm', model(1, 0.2), { preferred: 'nb4s', forms: ['f32'] })).toMatchObject({
      form: 'f32',
      note: expect.stringContaining('Packed weights are not available'),
    })
    expect(() => chooseWeightForm('wasm', model(9, 2), { forms: ['f32'] })).toThrow(/9\.0 GiB/)
    expect(chooseWeightForm('webgpu', model(9, 2), { forms: ['f32'] }).form).toBe('f32')
  })

  test('goes by the memory that the browser granted', () => {
    expect(chooseWeightForm('wasm', model(1.5, 0.4), { heapLimit: 2 ** 32 }).form).toBe('f32')
    expect(chooseWeightForm('wasm', model(1.5, 0.4), { heapLimit: 2 ** 30 }).form).toBe('nb4s')
    expect(() => chooseWeightForm('wasm', model(1.5, 1.2), { heapLimit: 2 ** 30 })).toThrow(
      /needs about 1\.2 GiB, and this browser grants WebAssembly 1\.0\. Choose/,
    )
  })
})
