// Knows: in which form weights are best held on a backend, and why.
import type { Backend, WeightForm } from '../../src/domain/model.ts'
import { RetortError } from '../../src/protocol/errors.ts'

/** A wasm heap ends at 4 GiB; the runtime's own working memory takes its share of it. */
export const WASM_LIMIT = 3.6 * 2 ** 30

export interface WeightChoice {
  readonly form: WeightForm
  /** Why, in a sentence for the person. */
  readonly note: string
}

/**
 * Floats are fastest on wasm, whose kernels unpack packed weights on every run; packed bits are faster and smaller on a graphics card, and
 * there as exact. `wanted` goes before, where it fits. `memory`: bytes that loading takes as floats on wasm, and packed. Throws
 * `ModelRefused` where nothing fits.
 */
export function chooseWeightForm(backend: Backend, memory: { readonly wasm: number; readonly webgpu: number }, name: string, wanted?: WeightForm): WeightChoice {
  if (backend === 'webgpu') {
    if (wanted === 'f32') return { form: 'f32', note: 'The weights are held as floats, as you chose. On a graphics card packed bits are smaller and as exact.' }
    return { form: 'nb4s', note: 'The weights stay packed: on a graphics card that is as exact as floats, and smaller.' }
  }
  if (wanted === 'nb4s' && memory.webgpu <= WASM_LIMIT) return { form: 'nb4s', note: 'The weights stay packed, as you chose. On the processor writing is several times slower that way than with floats.' }
  if (memory.wasm <= WASM_LIMIT && wanted !== 'nb4s') return { form: 'f32', note: 'The weights are held as floats: on the processor that is the fastest, and they fit.' }
  // Packed weights take on wasm what they take on the GPU: the estimate counts both copies.
  if (memory.webgpu <= WASM_LIMIT) return { form: 'nb4s', note: 'The weights stay packed because floats would not fit into the memory of wasm: writing is several times slower. WebGPU is faster where it is available.' }
  throw refuseSize(memory.webgpu, name)
}

/** Of weights that are floats in their file too. Throws `ModelRefused` where they do not fit. */
export function holdFloats(backend: Backend, memory: { readonly wasm: number }, name: string): WeightChoice {
  if (backend === 'wasm' && memory.wasm > WASM_LIMIT) throw refuseSize(memory.wasm, name)
  return { form: 'f32', note: `The weights are held as floats.${backend === 'webgpu' ? ' A GGUF file of the same model with four bits would take less of the graphics card’s memory.' : ''}` }
}

const refuseSize = (bytes: number, name: string): RetortError =>
  new RetortError('ModelRefused', `“${name}” needs about ${(bytes / 2 ** 30).toFixed(1)} GiB, and wasm has 4. Choose a smaller model, one with fewer bits, or WebGPU.`)
