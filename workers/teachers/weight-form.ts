// Knows: which form of weights is best on a backend, and why.
import type { Backend } from '../../src/domain/machine.ts'
import type { SizedCard } from '../../src/domain/model-card.ts'
import type { KernelWeightForm, WeightForm } from '../../src/domain/weight-form.ts'
import { RetortError } from '../../src/protocol/errors.ts'

/** Share of a wasm heap that a model may fill: the runtime's own working memory needs the rest. */
const MODEL_SHARE = 0.9
/** Max bytes of a wasm heap. */
const WASM_BYTES = 2 ** 32
/** Bytes of a model that fits into a wasm heap. */
export const WASM_LIMIT = MODEL_SHARE * WASM_BYTES

/** Forms of the runtime's graphs. */
export type GraphForm = Exclude<WeightForm, KernelWeightForm>

export interface WeightChoice {
  readonly form: GraphForm
  /** The reason, in a sentence for the person. */
  readonly note: string
}

export interface WeightPreference {
  /** The person's choice; absent, or one that is not available here: the fastest that fits. */
  readonly preferred?: WeightForm
  /** Available forms of the weights; absent: both. */
  readonly forms?: readonly GraphForm[]
  /** Bytes that the wasm heap may grow to, if the browser granted less than 4 GiB. */
  readonly heapLimit?: number
}

/**
 * Floats are fastest on wasm, whose kernels unpack packed weights on every run; packed bits are faster and smaller on a graphics card, and
 * as exact there. The person's choice takes precedence if it is available and fits. Throws `ModelRefused` if nothing fits.
 */
export function chooseWeightForm(
  backend: Backend,
  { memoryBytes, name }: Pick<SizedCard, 'memoryBytes' | 'name'>,
  { preferred, forms = ['f32', 'nb4s'], heapLimit = WASM_BYTES }: WeightPreference = {},
): WeightChoice {
  const canPack = forms.includes('nb4s')
  if (backend === 'webgpu') {
    if (!canPack) return { form: 'f32', note: 'The weights are floats, as they were trained.' }
    if (preferred === 'f32')
      return {
        form: 'f32',
        note: 'The weights are stored as floats, as you chose. On a graphics card, packed weights are smaller and as exact.',
      }
    return {
      form: 'nb4s',
      note: 'The weights stay packed: on a graphics card this is as exact as floats, and smaller.',
    }
  }
  // Packed weights need as much memory on wasm as on the GPU: the estimate counts both copies.
  const limit = MODEL_SHARE * heapLimit
  const packs = canPack && memoryBytes.webgpu <= limit
  const floats = memoryBytes.wasm <= limit
  if (packs && preferred === 'nb4s')
    return {
      form: 'nb4s',
      note: 'The weights stay packed, as you chose. On the processor, generation is several times slower than with floats.',
    }
  if (floats)
    return {
      form: 'f32',
      note: `The weights are stored as floats, which is fastest on the processor, and there is enough memory for them.${preferred === 'nb4s' ? ' Packed weights are not available.' : ''}`,
    }
  if (packs)
    return {
      form: 'nb4s',
      note: 'The weights stay packed because floats do not fit into WebAssembly’s memory: generation is several times slower. The graphics card is faster if it is available.',
    }
  const bytes = canPack ? Math.min(memoryBytes.webgpu, memoryBytes.wasm) : memoryBytes.wasm
  throw new RetortError(
    'ModelRefused',
    `“${name}” needs about ${(bytes / 2 ** 30).toFixed(1)} GiB, and ${heapLimit < WASM_BYTES ? `this browser grants WebAssembly ${(heapLimit / 2 ** 30).toFixed(1)}` : 'WebAssembly has 4'}. Choose a smaller model, one with fewer bits, or the graphics card.`,
  )
}
