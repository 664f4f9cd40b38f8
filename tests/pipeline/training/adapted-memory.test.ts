import { expect, test } from 'vitest'
import { estimateAdapted, faultOfAdapted } from '../../../src/pipeline/training/adapted-memory.ts'
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

test('the memory told is what the wasm heap was found to be where every prediction counts, or a little more', () => {
  for (const [batch, context, found] of [[4, 128, 1.74e9]] as const) {
    const { runtime } = estimateAdapted(SMOL, { batch, accumulate: 1, context })
    expect(runtime / found).toBeGreaterThanOrEqual(0.98)
    expect(runtime / found).toBeLessThanOrEqual(1.15)
  }
})

test('parts of a step, shorter rows and fewer of them take less; never less than the weights', () => {
  const at = (batch: number, accumulate: number, context: number): number =>
    estimateAdapted(SMOL, { batch, accumulate, context }).runtime
  expect(at(8, 2, 128)).toBe(at(4, 1, 128))
  expect(at(8, 1, 128)).toBeGreaterThan(at(4, 1, 128))
  expect(at(4, 1, 256)).toBeGreaterThan(at(4, 1, 128))
  expect(at(1, 1, 32)).toBeGreaterThan(4 * SMOL.parameters)
})

test('a model that fits is not refused, and on the graphics card none is for its size', () => {
  const settings = { batch: 4, accumulate: 1, context: 128 }
  expect(faultOfAdapted(SMOL, settings, 'wasm')).toBeUndefined()
  expect(faultOfAdapted({ ...SMOL, parameters: 2e9 }, settings, 'webgpu')).toBeUndefined()
  expect(faultOfAdapted({ ...SMOL, parameters: 2e9 }, settings, 'wasm')).toMatch(/wasm has 4/)
})
