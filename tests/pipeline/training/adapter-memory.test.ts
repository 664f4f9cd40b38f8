import { expect, test } from 'vitest'
import {
  estimateAdapterMemory,
  refuseAdapterTraining,
} from '../../../src/pipeline/training/adapter-memory.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'

/** SmolLM2-135M, as its file says. */
const SMOL = {
  ...DESCRIPTION.card,
  name: 'SmolLM2',
  parameters: 134_515_008,
  layers: 30,
  width: 576,
  vocabularySize: 49_152,
}

test('estimates the measured wasm heap or slightly more, if every prediction has a loss', () => {
  for (const [batchSize, context, measured] of [[4, 128, 1.74e9]] as const) {
    const { runtime } = estimateAdapterMemory(SMOL, { batchSize, gradientAccumulation: 1, context })
    expect(runtime / measured).toBeGreaterThanOrEqual(0.98)
    expect(runtime / measured).toBeLessThanOrEqual(1.15)
  }
})

test('takes less with gradient accumulation, shorter rows and fewer rows, but never less than the weights', () => {
  const at = (batchSize: number, gradientAccumulation: number, context: number): number =>
    estimateAdapterMemory(SMOL, { batchSize, gradientAccumulation, context }).runtime
  expect(at(8, 2, 128)).toBe(at(4, 1, 128))
  expect(at(8, 1, 128)).toBeGreaterThan(at(4, 1, 128))
  expect(at(4, 1, 256)).toBeGreaterThan(at(4, 1, 128))
  expect(at(1, 1, 32)).toBeGreaterThan(4 * SMOL.parameters)
})

test('refuses a model by its size only on wasm', () => {
  const settings = { batchSize: 4, gradientAccumulation: 1, context: 128 }
  expect(refuseAdapterTraining(SMOL, settings, 'wasm')).toBeUndefined()
  expect(refuseAdapterTraining({ ...SMOL, parameters: 2e9 }, settings, 'webgpu')).toBeUndefined()
  expect(refuseAdapterTraining({ ...SMOL, parameters: 2e9 }, settings, 'wasm')).toMatch(/WebAssembly has 4/)
})
