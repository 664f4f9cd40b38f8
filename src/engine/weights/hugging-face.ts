// Knows: how a model in a folder of Hugging Face (config.json, one or several safetensors files) is described and loaded.
// Must not know: where the files lie, tokenizers, sessions.
import { shapeFromConfig } from './config-shape.ts'
import { HUGGING_FACE_PLACES, huggingFaceNames, listNeeded } from './decoder-tensors.ts'
import { countTensors, estimateMemory, faultOfTensors, type ModelFacts } from './describe-tensors.ts'
import type { GgufTensor } from './gguf-header.ts'
import { joinSources } from './join-sources.ts'
import type { LoadedWeights } from './loaded.ts'
import { quote } from './quote.ts'
import {
  formOfHuggingFace,
  readWeights,
  type ReadHooks,
  type StoredModel,
  type WeightKind,
} from './read-weights.ts'
import { listShards, readSafetensorsHeader } from './safetensors-header.ts'
import type { ByteSource } from './source.ts'

export interface HuggingFaceFiles {
  /** The parsed config.json. */
  readonly config: unknown
  /** model.safetensors, or all the files that the index names, in any order. */
  readonly sources: readonly ByteSource[]
  /** The parsed model.safetensors.index.json, where there is one. */
  readonly index?: unknown
}

/** A model that can be loaded. Name, licence and chat template stand in other files. */
export interface HuggingFaceModel extends StoredModel {
  readonly facts: Omit<ModelFacts, 'name' | 'licence' | 'hasChatTemplate'>
}

export type HuggingFaceDescription =
  | { readonly ok: true; readonly model: HuggingFaceModel }
  | { readonly ok: false; readonly sentence: string }

/** Describes a model without reading a weight, or says in a sentence why it cannot be used. Rejects only when a source cannot be read. */
export async function describeHuggingFace({
  config,
  sources,
  index,
}: HuggingFaceFiles): Promise<HuggingFaceDescription> {
  const read = shapeFromConfig(config)
  if (!read.ok) return read
  const { shape, architecture } = read
  const missing = index === undefined ? undefined : findMissing(index, sources)
  if (missing !== undefined) return missing
  const { source, starts } = joinSources(sources[0]?.name ?? 'model.safetensors', sources)
  const tensors = new Map<string, GgufTensor>()
  for (const [i, one] of sources.entries()) {
    const header = await readSafetensorsHeader(one)
    if (!header.ok) return header
    for (const [name, tensor] of header.tensors) {
      if (tensors.has(name))
        return refuse(`the tensor ${quote(name)} is in ${quote(one.name)} and in another file too`)
      tensors.set(name, { ...tensor, offset: (starts[i] ?? 0) + tensor.offset })
    }
  }
  const place = HUGGING_FACE_PLACES.find(({ prefix }) => tensors.has(`${prefix}embed_tokens.weight`))
  if (place === undefined) return refuse('its embedding ("model.embed_tokens.weight") is missing')
  const nameOf = huggingFaceNames(shape, place)
  // What the model sees with lies beside its text model; a tied head may be written twice.
  const passes = (name: string): boolean =>
    (place.prefix !== 'model.' && !name.startsWith(place.prefix)) || (shape.tiedHead && name === place.head)
  const fault = faultOfTensors(shape, tensors, nameOf, passes)
  if (fault !== undefined) return refuse(fault)
  const wanted = new Set([...listNeeded(shape)].map(({ role, layer }) => nameOf(role, layer)))
  const needed = new Map([...tensors].filter(([name]) => wanted.has(name)))
  const facts = {
    architecture: architecture.name,
    shape,
    ...countTensors(needed),
    memoryBytes: estimateMemory(shape, needed, nameOf),
  }
  return {
    ok: true,
    model: { shape, tensors: needed, source, nameOf, ...formOfHuggingFace(architecture), facts },
  }
}

/** Reads all weights; `nb4s` finds no packed bits to keep here, so all are floats with it. Throws as `readWeights` does. */
export const loadHuggingFaceWeights = (
  model: HuggingFaceModel,
  kind: WeightKind,
  hooks?: ReadHooks,
): Promise<LoadedWeights> => readWeights(model, kind, hooks)

function findMissing(index: unknown, sources: readonly ByteSource[]): HuggingFaceDescription | undefined {
  const shards = listShards(index)
  if (!shards.ok) return shards
  const there = new Set(sources.map(({ name }) => name))
  const missing = shards.files.filter((file) => !there.has(file))
  if (missing.length === 0) return undefined
  return refuse(
    `${quote(missing[0] ?? '')} is missing${missing.length > 1 ? ` and ${missing.length - 1} more of its ${shards.files.length} files` : ''}`,
  )
}

const refuse = (why: string): HuggingFaceDescription => ({
  ok: false,
  sentence: `This model cannot be used: ${why}. Choose all files of one model together, or another model.`,
})
