// Knows: in which form weights are best held on a backend, and why.
import type { Backend, SizedCard, WeightForm } from '../../src/domain/model.ts'
import { RetortError } from '../../src/protocol/errors.ts'

/** A wasm heap ends at 4 GiB; the runtime's own working memory takes its share of it. */
export const WASM_LIMIT = 3.6 * 2 ** 30

export interface WeightChoice {
  readonly form: WeightForm
  /** Why, in a sentence for the person. */
  readonly note: string
}

export interface WeightWish {
  /** What the person chose; absent: what is fastest where it fits. */
  readonly wanted?: WeightForm
  /** Forms in which the weights can be had; absent: both. */
  readonly forms?: readonly WeightForm[]
}

/**
 * Floats are fastest on wasm, whose kernels unpack packed weights on every run; packed bits are faster and smaller on a graphics card, and
 * there as exact. What was wanted goes before, where it can be had and fits. Throws `ModelRefused` where nothing fits.
 */
export function chooseWeightForm(
  backend: Backend,
  { memoryBytes, name }: Pick<SizedCard, 'memoryBytes' | 'name'>,
  { wanted, forms = ['f32', 'nb4s'] }: WeightWish = {},
): WeightChoice {
  const canPack = forms.includes('nb4s')
  if (backend === 'webgpu') {
    if (!canPack) return { form: 'f32', note: 'The weights are floats, as they were trained.' }
    if (wanted === 'f32')
      return {
        form: 'f32',
        note: 'The weights are held as floats, as you chose. On a graphics card packed bits are smaller and as exact.',
      }
    return {
      form: 'nb4s',
      note: 'The weights stay packed: on a graphics card that is as exact as floats, and smaller.',
    }
  }
  // Packed weights take on wasm what they take on the GPU: the estimate counts both copies.
  const packs = canPack && memoryBytes.webgpu <= WASM_LIMIT
  const floats = memoryBytes.wasm <= WASM_LIMIT
  if (packs && wanted === 'nb4s')
    return {
      form: 'nb4s',
      note: 'The weights stay packed, as you chose. On the processor writing is several times slower that way than with floats.',
    }
  if (floats)
    return {
      form: 'f32',
      note: `The weights are held as floats: on the processor that is the fastest, and they fit.${wanted === 'nb4s' ? ' They cannot be had packed.' : ''}`,
    }
  if (packs)
    return {
      form: 'nb4s',
      note: 'The weights stay packed because floats would not fit into the memory of wasm: writing is several times slower. WebGPU is faster where it is available.',
    }
  const need = canPack ? Math.min(memoryBytes.webgpu, memoryBytes.wasm) : memoryBytes.wasm
  throw new RetortError(
    'ModelRefused',
    `“${name}” needs about ${(need / 2 ** 30).toFixed(1)} GiB, and wasm has 4. Choose a smaller model, one with fewer bits, or WebGPU.`,
  )
}
