// Knows: how the weights of a file, or of a student in memory, get into the kernels' memory.
// Must not know: who runs them.
import { readKernelWeights, packLoadedWeights } from '../../src/engine/kernels/weights.ts'
import type { LoadedWeights } from '../../src/engine/weights/loaded.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import type { StoredModel } from '../../src/engine/weights/read-weights.ts'
import type { KernelSource } from './kernels.ts'
import type { OpenOptions } from './teacher.ts'

/** Tensors of a file, packed as they are read. */
export const fromStored = (
  model: StoredModel,
  { signal, onProgress }: Pick<OpenOptions, 'signal' | 'onProgress'>,
): KernelSource => ({
  shape: model.shape,
  pack: (kernels, form) =>
    readKernelWeights(kernels, model, form, {
      signal,
      onProgress: (done, total) => onProgress({ phase: 'reading', done, total }),
    }),
})

/** Floats in memory. */
export const fromFloats = (shape: DecoderShape, load: () => Promise<LoadedWeights>): KernelSource => ({
  shape,
  pack: async (kernels, form) => packLoadedWeights(kernels, await load(), form),
})
