// Knows: by which inputs and outputs an ONNX graph is a decoder with a memory, as exporters for transformers.js and for ONNX Runtime
// name them, and why a graph is none.
// Must not know: how it is run (generation/foreign-cache.ts), the model's other files.
import type { DType } from '../graph/onnx-proto.ts'
import type { OnnxDim, OnnxHeader, OnnxValue } from './onnx-header.ts'
import { quote } from './quote.ts'

/** One tensor of the memory: [batch, heads, places, width], as it goes in and as it comes back longer. */
export interface PastTensor {
  readonly past: string
  readonly present: string
  readonly heads: number
  readonly width: number
}

export interface ForeignDecoder {
  readonly layers: number
  readonly past: readonly PastTensor[]
  readonly pastType: Extract<DType, 'f32' | 'f16'>
  /** Absent in the graph: it is made for whole rows only. */
  readonly takesMask: boolean
  readonly takesPositions: boolean
  /** The input that says for how many of the last tokens logits are wanted, and whether it is a number or a list of one. */
  readonly keeps?: { readonly name: string; readonly rank: 0 | 1 }
  /** Of the last dimension of the logits, where the graph says it. */
  readonly vocabulary?: number
  /** It has attention that takes rows with what they hold at their beginning, and several new tokens of one row only. */
  readonly groupsQueries: boolean
  /** It rounds what it computes with by the largest number of the whole batch. */
  readonly roundsByBatch: boolean
}

export type ForeignDecoderResult =
  | { readonly ok: true; readonly decoder: ForeignDecoder }
  | { readonly ok: false; readonly sentence: string }

const FLOAT = 1
const INT64 = 7
const HALF = 10
const MAX_LAYERS = 1024

/** Reads a decoder's inputs and outputs off a graph; a sentence where it is none that can be run here. */
export function describeForeignDecoder(header: OnnxHeader): ForeignDecoderResult {
  const inputs = new Map(header.inputs.map((value) => [value.name, value]))
  const outputs = new Map(header.outputs.map((value) => [value.name, value]))
  const refuse = (sentence: string): ForeignDecoderResult => ({ ok: false, sentence })
  const why = refuseOther(inputs, outputs)
  if (why !== undefined) return refuse(why)

  const past: PastTensor[] = []
  const types = new Set<number>()
  for (const value of header.inputs) {
    const place = /^past_key_values\.(\d{1,4})\.(key|value)$/.exec(value.name)
    if (place === null) continue
    const present = `present.${place[1]}.${place[2]}`
    const [, heads, , width] = value.shape
    if (value.shape.length !== 4 || !isSize(heads) || !isSize(width))
      return refuse(
        `its memory ${quote(value.name)} has the shape [${value.shape.join(', ')}], and [batch, heads, places, width] is run here. Export it anew with Optimum, or take the GGUF file.`,
      )
    if (!outputs.has(present))
      return refuse(
        `it takes the memory ${quote(value.name)} and gives no ${quote(present)}. Export it anew with Optimum (task text-generation-with-past).`,
      )
    types.add(value.type)
    past.push({ past: value.name, present, heads, width })
  }
  const layers = past.length / 2
  if (layers === 0)
    return refuse(
      'it has no inputs for a memory (past_key_values), so every token would cost the whole text anew. Export it with its past: Optimum’s task text-generation-with-past.',
    )
  if (!Number.isInteger(layers) || layers > MAX_LAYERS)
    return refuse(`it has ${past.length} tensors of memory, which is not two a layer.`)
  const [type] = types
  if (types.size !== 1 || (type !== FLOAT && type !== HALF))
    return refuse('its memory is neither of 32-bit nor of 16-bit floats. Export it with a plain cache.')

  const known = new Set([
    'input_ids',
    'attention_mask',
    'position_ids',
    'num_logits_to_keep',
    ...past.map((one) => one.past),
  ])
  const unknown = [...inputs.keys()].find((name) => !known.has(name))
  if (unknown !== undefined)
    return refuse(
      `it has an input ${quote(unknown)} that is not known here. Models of text with plain attention are run; for others take a GGUF file or WebLLM.`,
    )
  const wrong = ['input_ids', 'attention_mask', 'position_ids', 'num_logits_to_keep'].find(
    (name) => inputs.has(name) && inputs.get(name)?.type !== INT64,
  )
  if (wrong !== undefined)
    return refuse(`its input ${quote(wrong)} is not of 64-bit whole numbers. Export it anew with Optimum.`)
  const keeps = inputs.get('num_logits_to_keep')
  const vocabulary = outputs.get('logits')?.shape[2]
  return {
    ok: true,
    decoder: {
      layers,
      past,
      pastType: type === HALF ? 'f16' : 'f32',
      takesMask: inputs.has('attention_mask'),
      takesPositions: inputs.has('position_ids'),
      ...(keeps === undefined ? {} : { keeps: { name: keeps.name, rank: keeps.shape.length === 0 ? 0 : 1 } }),
      ...(isSize(vocabulary) ? { vocabulary } : {}),
      groupsQueries: header.ops.has('com.microsoft.GroupQueryAttention'),
      roundsByBatch: [...header.ops.keys()].some((op) => /(^|\.)DynamicQuantize/.test(op)),
    },
  }
}

const isSize = (dim: OnnxDim | undefined): dim is number =>
  typeof dim === 'number' && dim > 0 && dim <= 2 ** 24

/** What else a graph can be. */
function refuseOther(
  inputs: ReadonlyMap<string, OnnxValue>,
  outputs: ReadonlyMap<string, OnnxValue>,
): string | undefined {
  if (inputs.has('encoder_hidden_states') || inputs.has('decoder_input_ids'))
    return 'it is the decoder of a model with an encoder (such as T5 or Whisper). Models that only continue text are run: choose one of them.'
  if (inputs.has('pixel_values') || inputs.has('input_features'))
    return 'it reads pictures or sound. Models of text are run: choose one of them.'
  if (inputs.has('use_cache_branch'))
    return 'it is two graphs in one, as older exporters wrote them (decoder_model_merged). Choose a folder with onnx/model.onnx, or export it anew with Optimum.'
  if (!inputs.has('input_ids'))
    return `it takes ${[...inputs.keys()].slice(0, 3).map(quote).join(', ') || 'nothing'} and no input_ids, so it is no language model by itself; a part of a larger one, perhaps. Choose a model of text.`
  if (!outputs.has('logits'))
    return 'it gives no logits, so it writes no text; it may give embeddings or classes. Choose a model for text generation.'
  return undefined
}
