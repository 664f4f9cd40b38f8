// Knows: how a test gets a model on the kernels, from a file of either format or from floats.
import { makeKernelModel } from '../../../src/engine/generation/kernel-cache.ts'
import type { CachedModel } from '../../../src/engine/generation/cached-model.ts'
import { KernelDecoder } from '../../../src/engine/kernels/decoder.ts'
import type { KernelForm } from '../../../src/engine/kernels/matrix.ts'
import { type Kernels } from '../../../src/engine/kernels/module.ts'
import { workAlone, type Team } from '../../../src/engine/kernels/team.ts'
import {
  packLoadedWeights,
  readKernelWeights,
  type KernelWeights,
} from '../../../src/engine/kernels/weights.ts'
import { readHeaderOf } from '../../../src/engine/weights/gguf/gguf-header.ts'
import { storedInGguf } from '../../../src/engine/weights/gguf/llama-gguf.ts'
import { describeHuggingFace } from '../../../src/engine/weights/hugging-face/hugging-face.ts'
import type { LoadedWeights } from '../../../src/engine/weights/loaded.ts'
import type { StoredModel } from '../../../src/engine/weights/read-weights.ts'
import type { ByteSource } from '../../../src/engine/weights/source.ts'
import { makeSafetensors, type OracleModel } from '../small-architectures.ts'
import { openTestKernels } from './open-kernels.ts'

export async function storedGguf(source: ByteSource): Promise<StoredModel> {
  const result = await readHeaderOf(source)
  if (result.kind !== 'header') throw new Error(result.sentence)
  return storedInGguf(result.header, source)
}

export async function storedFolder(model: OracleModel): Promise<StoredModel> {
  const described = await describeHuggingFace({ config: model.config, sources: [makeSafetensors(model)] })
  if (!described.ok) throw new Error(described.sentence)
  return described.model
}

export interface OpenedModel {
  readonly model: CachedModel
  readonly kernels: Kernels
  readonly weights: KernelWeights
  readonly decoder: KernelDecoder
}

/** A model from a file's tensors or from floats; one thread unless a team is given. */
export async function openModel(
  source: StoredModel | LoadedWeights,
  form: KernelForm,
  {
    slots = 2,
    contextLength = 64,
    kernels: given,
    team,
  }: {
    readonly slots?: number
    readonly contextLength?: number
    readonly kernels?: Kernels
    readonly team?: (kernels: Kernels) => Promise<Team>
  } = {},
): Promise<OpenedModel> {
  const kernels = given ?? (await openTestKernels())
  const weights =
    'tensors' in source
      ? await readKernelWeights(kernels, source, form)
      : packLoadedWeights(kernels, source, form)
  const decoder = new KernelDecoder(
    kernels,
    weights,
    team === undefined ? workAlone(kernels) : await team(kernels),
    contextLength,
  )
  return { model: makeKernelModel(decoder, slots), kernels, weights, decoder }
}
