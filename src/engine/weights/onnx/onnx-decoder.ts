// Knows: the inputs and outputs of an ONNX graph that is a decoder with a KV cache, as exporters for transformers.js
// and ONNX Runtime name them, and why other graphs cannot be used.
// Must not know: how it is run (generation/foreign-cache.ts), the model's other files.
import type { DType } from '../../graph/onnx-proto.ts'
import type { OnnxDim, OnnxHeader, OnnxValue } from './onnx-header.ts'
import { quote } from '../quote.ts'

/** One tensor of the KV cache: [batch, heads, length, width], as input and, longer, as output. */
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
  /** If false, the graph supports only rows without padding. */
  readonly takesMask: boolean
  readonly takesPositions: boolean
  /** The input with the number of last tokens that need logits, and whether it is a scalar or a list of one. */
  readonly logitsToKeep?: { readonly name: string; readonly rank: 0 | 1 }
  /** The last dimension of the logits, if the graph states it. */
  readonly vocabulary?: number
  /**
   * It has GroupQueryAttention, which needs each row's tokens at the start of its cache, and several new tokens only
   * for one row.
   */
  readonly groupsQueries: boolean
  /** It quantizes activations with one scale for the whole batch, so that rows influence each other. */
  readonly quantizesPerBatch: boolean
}

export type ForeignDecoderResult =
  | { readonly ok: true; readonly decoder: ForeignDecoder }
  | { readonly ok: false; readonly sentence: string }

const FLOAT = 1
const INT64 = 7
const HALF = 10
const MAX_LAYERS = 1024

/** Reads a decoder's inputs and outputs from a graph, or returns a sentence on why it cannot run here. */
export function describeForeignDecoder(header: OnnxHeader): ForeignDecoderResult {
  const inputs = new Map(header.inputs.map((value) => [value.name, value]))
  const outputs = new Map(header.outputs.map((value) => [value.name, value]))
  const refuse = (sentence: string): ForeignDecoderResult => ({ ok: false, sentence })
  const reason = refuseOther(inputs, outputs)
  if (reason !== undefined) return refuse(reason)

  const past: PastTensor[] = []
  const types = new Set<number>()
  for (const value of header.inputs) {
    const match = /^past_key_values\.(\d{1,4})\.(key|value)$/.exec(value.name)
    if (match === null) continue
    const present = `present.${match[1]}.${match[2]}`
    const [, heads, , width] = value.shape
    if (value.shape.length !== 4 || !isSize(heads) || !isSize(width))
      return refuse(
        `its KV cache ${quote(value.name)} has the shape [${value.shape.join(', ')}]; only [batch, heads, length, width] is supported. Export it again with Optimum, or use the GGUF file.`,
      )
    if (!outputs.has(present))
      return refuse(
        `it has the KV cache input ${quote(value.name)} but no output ${quote(present)}. Export it again with Optimum (task text-generation-with-past).`,
      )
    types.add(value.type)
    past.push({ past: value.name, present, heads, width })
  }
  const layers = past.length / 2
  if (layers === 0)
    return refuse(
      'it has no inputs for a KV cache (past_key_values), so each token would need a prefill of the whole text. Export it with Optimum’s task text-generation-with-past.',
    )
  if (!Number.isInteger(layers) || layers > MAX_LAYERS)
    return refuse(`it has ${past.length} KV cache tensors, not two per layer.`)
  const [type] = types
  if (types.size !== 1 || (type !== FLOAT && type !== HALF))
    return refuse('its KV cache is neither 32-bit nor 16-bit floats. Export it with a plain cache.')

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
      `it has an unknown input ${quote(unknown)}. Only text models with plain attention are supported; for others use a GGUF file or WebLLM.`,
    )
  const mistyped = ['input_ids', 'attention_mask', 'position_ids', 'num_logits_to_keep'].find(
    (name) => inputs.has(name) && inputs.get(name)?.type !== INT64,
  )
  if (mistyped !== undefined)
    return refuse(`its input ${quote(mistyped)} does not have 64-bit integers. Export it again with Optimum.`)
  const logitsToKeep = inputs.get('num_logits_to_keep')
  const vocabulary = outputs.get('logits')?.shape[2]
  return {
    ok: true,
    decoder: {
      layers,
      past,
      pastType: type === HALF ? 'f16' : 'f32',
      takesMask: inputs.has('attention_mask'),
      takesPositions: inputs.has('position_ids'),
      ...(logitsToKeep === undefined
        ? {}
        : { logitsToKeep: { name: logitsToKeep.name, rank: logitsToKeep.shape.length === 0 ? 0 : 1 } }),
      ...(isSize(vocabulary) ? { vocabulary } : {}),
      groupsQueries: header.ops.has('com.microsoft.GroupQueryAttention'),
      quantizesPerBatch: [...header.ops.keys()].some((op) => /(^|\.)DynamicQuantize/.test(op)),
    },
  }
}

const isSize = (dim: OnnxDim | undefined): dim is number =>
  typeof dim === 'number' && dim > 0 && dim <= 2 ** 24

/** The reason why a graph of another kind cannot be used. */
function refuseOther(
  inputs: ReadonlyMap<string, OnnxValue>,
  outputs: ReadonlyMap<string, OnnxValue>,
): string | undefined {
  if (inputs.has('encoder_hidden_states') || inputs.has('decoder_input_ids'))
    return 'it is the decoder of an encoder-decoder model (such as T5 or Whisper). Choose a decoder-only text model.'
  if (inputs.has('pixel_values') || inputs.has('input_features'))
    return 'it needs images or audio. Choose a text model.'
  if (inputs.has('use_cache_branch'))
    return 'it is two graphs in one from an older exporter (decoder_model_merged). Choose a folder with onnx/model.onnx, or export it again with Optimum.'
  if (!inputs.has('input_ids'))
    return `its inputs are ${[...inputs.keys()].slice(0, 3).map(quote).join(', ') || 'none'} without input_ids, so it is not a language model by itself; perhaps a part of a larger one. Choose a text model.`
  if (!outputs.has('logits'))
    return 'it has no output logits, so it cannot generate text; it may return embeddings or classes. Choose a model for text generation.'
  return undefined
}
