import { expect, test } from 'vitest'
import { expectedWeights, isKernelForm, isWeightForm, WEIGHT_FORMS } from '../../src/domain/weight-form.ts'

const GIB = 2 ** 30
const sized = (wasm: number, kernels?: number, rounded?: number) => ({
  wasm: wasm * GIB,
  webgpu: wasm * GIB,
  ...(kernels === undefined ? {} : { kernels: kernels * GIB }),
  ...(rounded === undefined ? {} : { rounded: rounded * GIB }),
})

test('the kernels hold the weights on the processor, floats rounded to 8 bits only if they do not fit', () => {
  expect(expectedWeights(sized(9, 1), 'wasm')).toBe('kernels')
  expect(expectedWeights(sized(9, 2, 1), 'wasm')).toBe('kernels')
  expect(expectedWeights(sized(9, 4.2, 1.2), 'wasm')).toBe('kernels-q8')
  // Too large in any form: the worker refuses it with a sentence.
  expect(expectedWeights(sized(9, 4.2), 'wasm')).toBe('kernels')
})

test('a model that the kernels cannot read is held as floats if they fit, on a graphics card packed', () => {
  expect(expectedWeights(sized(3), 'wasm')).toBe('f32')
  expect(expectedWeights(sized(4), 'wasm')).toBe('nb4s')
  expect(expectedWeights(undefined, 'wasm')).toBe('f32')
  expect(expectedWeights(sized(3, 1), 'webgpu')).toBe('nb4s')
})

test('names of forms are recognised', () => {
  expect(WEIGHT_FORMS.every(isWeightForm)).toBe(true)
  expect(['', 'int3'].some(isWeightForm)).toBe(false)
  expect(WEIGHT_FORMS.filter(isKernelForm)).toEqual(['kernels', 'kernels-f32', 'kernels-q8'])
})
