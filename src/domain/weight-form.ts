// Knows: the ways in which a model's weights are held in memory and multiplied, which of them is used if nobody chose, and their sizes.
// Must not know: how weights are read or multiplied.
import type { MemoryBytes } from './model-card.ts'
import type { Backend } from './machine.ts'

/**
 * `f32`, `nb4s`: by onnxruntime-web, as floats, or in four bits if that is exact. By this program's own WebAssembly, on the processor:
 * `kernels`: integers with the file's bits, floats as floats, and activations rounded to 8 bits where weights are integers;
 * `kernels-f32`: the same without any rounding; `kernels-q8`: floats are rounded to 8 bits as well.
 */
export const WEIGHT_FORMS = ['f32', 'nb4s', 'kernels', 'kernels-f32', 'kernels-q8'] as const
export type WeightForm = (typeof WEIGHT_FORMS)[number]
export type KernelWeightForm = Extract<WeightForm, `kernels${string}`>

export const isWeightForm = (value: string): value is WeightForm =>
  WEIGHT_FORMS.some((form) => form === value)
export const isKernelForm = (form: WeightForm | undefined): form is KernelWeightForm =>
  form?.startsWith('kernels') ?? false

/** Bytes of a wasm heap that a model may take: it has 4 GiB, and what runs the model needs the rest. */
const MAX_HEAP = 3.6 * 2 ** 30

/** How a model's weights will be held, if nobody chose: as the loading worker decides, unless this machine cannot run the kernels. */
export function expectedWeights(
  memoryBytes: MemoryBytes | undefined,
  backend: Backend | 'server',
): WeightForm {
  if (backend === 'webgpu') return 'nb4s'
  if (memoryBytes?.kernels !== undefined)
    return memoryBytes.kernels > MAX_HEAP && memoryBytes.rounded !== undefined ? 'kernels-q8' : 'kernels'
  return memoryBytes !== undefined && memoryBytes.wasm > MAX_HEAP ? 'nb4s' : 'f32'
}

/** Bytes of a model on the processor in this form. */
export function bytesOfForm(memoryBytes: MemoryBytes, form: WeightForm): number {
  // Packed weights take as much on the processor as on the graphics card.
  if (form === 'nb4s') return memoryBytes.webgpu
  if (form === 'f32') return memoryBytes.wasm
  const { kernels = memoryBytes.wasm, rounded = kernels } = memoryBytes
  return form === 'kernels-q8' ? rounded : kernels
}
