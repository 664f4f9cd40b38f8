// Knows: how a model in a Hugging Face folder (config.json, one or several safetensors files) is described and loaded.
// Must not know: where the files are, tokenizers, sessions.
import { shapeFromConfig } from './config-shape.ts'
import type { DecoderShape } from '../../models/shape.ts'
import {
  HUGGING_FACE_LAYOUTS,
  huggingFaceNames,
  listNeeded,
  type HuggingFaceLayout,
} from '../decoder-tensors.ts'
import {
  countTensors,
  estimateMemory,
  sizeMatrices,
  findTensorProblem,
  type ModelFacts,
} from '../describe-tensors.ts'
import type { GgufTensor } from '../gguf/gguf-header.ts'
import { joinSources } from '../join-sources.ts'
import type { LoadedWeights } from '../loaded.ts'
import { quote } from '../quote.ts'
import {
  formOfHuggingFace,
  readWeights,
  type ReadHooks,
  type StoredModel,
  type WeightKind,
} from '../read-weights.ts'
import { listShards, readSafetensorsHeader } from './safetensors-header.ts'
import type { ByteSource } from '../source.ts'

export interface HuggingFaceFiles {
  /** The parsed config.json. */
  readonly config: unknown
  /** model.safetensors, or all the files that the index names, in any order. */
  readonly sources: readonly ByteSource[]
  /** The parsed model.safetensors.index.json, if there is one. */
  readonly index?: unknown
}

/** A model that can be loaded. Name, licence and chat template are in other files. */
export interface HuggingFaceModel extends StoredModel {
  readonly facts: Omit<ModelFacts, 'name' | 'licence' | 'hasChatTemplate'>
}

export type HuggingFaceDescription =
  | { readonly ok: true; readonly model: HuggingFaceModel }
  | { readonly ok: false; readonly sentence: string }

/**
 * Describes a model without reading weights, or returns a sentence on why it cannot be used. Rejects only if a source
 * cannot be read.
 */
export async function describeHuggingFace({
  config,
  sources,
  index,
}: HuggingFaceFiles): Promise<HuggingFaceDescription> {
  const read = shapeFromConfig(config)
  if (!read.ok) return read
  const { architecture } = read
  const missing = index === undefined ? undefined : findMissing(index, sources)
  if (missing !== undefined) return missing
  const { source, starts } = joinSources(sources[0]?.name ?? 'model.safetensors', sources)
  const tensors = new Map<string, GgufTensor>()
  for (const [i, one] of sources.entries()) {
    const header = await readSafetensorsHeader(one)
    if (!header.ok) return header
    for (const [written, tensor] of header.tensors) {
      const name = written.replace(/^_orig_mod\./, '') // added by torch.compile
      if (tensors.has(name))
        return refuse(`the tensor ${quote(name)} is in ${quote(one.name)} and in another file`)
      tensors.set(name, { ...tensor, name, offset: (starts[i] ?? 0) + tensor.offset })
    }
  }
  const layout = HUGGING_FACE_LAYOUTS.find(({ prefix }) => tensors.has(`${prefix}embed_tokens.weight`))
  if (layout === undefined) return refuse('its embedding ("model.embed_tokens.weight") is missing')
  const hasOwnHead = read.shape.tiedHead && (await findOwnHead(source, tensors, layout))
  const shape: DecoderShape = hasOwnHead ? { ...read.shape, tiedHead: false } : read.shape
  const nameOf = huggingFaceNames(shape, layout)
  // The vision tensors are next to those of the text model; a tied head may be stored twice.
  const passes = (name: string): boolean =>
    (layout.prefix !== 'model.' && !name.startsWith(layout.prefix)) ||
    (shape.tiedHead && name === layout.head)
  const problem = findTensorProblem(shape, tensors, nameOf, passes)
  if (problem !== undefined) return refuse(problem)
  const neededNames = new Set([...listNeeded(shape)].map(({ role, layer }) => nameOf(role, layer)))
  const needed = new Map([...tensors].filter(([name]) => neededNames.has(name)))
  const facts = {
    architecture: architecture.name,
    shape,
    ...countTensors(needed),
    memoryBytes: estimateMemory(shape, needed, nameOf),
    matrices: [...sizeMatrices(shape, needed, nameOf)],
  }
  return {
    ok: true,
    model: { shape, tensors: needed, source, nameOf, ...formOfHuggingFace(architecture), facts },
  }
}

/**
 * Reads all weights; with `nb4s` they are floats too, since there are no packed bits to keep. Throws as `readWeights`
 * does.
 */
export const loadHuggingFaceWeights = (
  model: HuggingFaceModel,
  kind: WeightKind,
  hooks?: ReadHooks,
): Promise<LoadedWeights> => readWeights(model, kind, hooks)

/** Bytes that are compared at the start, in the middle and at the end of both tensors. */
const SAMPLE = 64 * 1024

/**
 * True if a file whose config ties the head to the embedding has a head with other numbers: the config is wrong then, and the head
 * is used, as transformers 5 does.
 */
async function findOwnHead(
  source: ByteSource,
  tensors: ReadonlyMap<string, GgufTensor>,
  { prefix, head }: HuggingFaceLayout,
): Promise<boolean> {
  const [one, other] = [tensors.get(head), tensors.get(`${prefix}embed_tokens.weight`)]
  if (one === undefined || other === undefined || one.shape.join() !== other.shape.join()) return false
  if (one.type.name !== other.type.name || one.bytes !== other.bytes) return true
  const last = Math.max(0, one.bytes - SAMPLE)
  for (const from of [0, Math.floor(last / 2), last]) {
    const to = Math.min(one.bytes, from + SAMPLE)
    const [a, b] = [
      await source.read(one.offset + from, one.offset + to),
      await source.read(other.offset + from, other.offset + to),
    ]
    if (a.some((byte, i) => byte !== b[i])) return true
  }
  return false
}

function findMissing(index: unknown, sources: readonly ByteSource[]): HuggingFaceDescription | undefined {
  const shards = listShards(index)
  if (!shards.ok) return shards
  const present = new Set(sources.map(({ name }) => name))
  const missing = shards.files.filter((file) => !present.has(file))
  if (missing.length === 0) return undefined
  return refuse(
    `${quote(missing[0] ?? '')} is missing${missing.length > 1 ? ` and ${missing.length - 1} more of its ${shards.files.length} files` : ''}`,
  )
}

const refuse = (reason: string): HuggingFaceDescription => ({
  ok: false,
  sentence: `This model cannot be used: ${reason}. Choose all files of one model together, or another model.`,
})
