// Knows: which tensors a decoder of a shape needs, and their names in GGUF files and in those of Hugging Face.
// Must not know: how tensors are read.
import { type DecoderShape } from '../models/shape.ts'

/** The role of a tensor. */
export type TensorRole =
  | 'embedding'
  | 'finalNorm'
  | 'head'
  | 'ropeFactors'
  | 'attentionNorm'
  | 'q'
  | 'k'
  | 'v'
  | 'qBias'
  | 'kBias'
  | 'vBias'
  | 'qNorm'
  | 'kNorm'
  | 'output'
  | 'postAttentionNorm'
  | 'feedForwardNorm'
  | 'gate'
  | 'up'
  | 'down'
  | 'postFeedForwardNorm'

export interface NeededTensor {
  readonly role: TensorRole
  /** 0 for tensors that belong to no layer. */
  readonly layer: number
  /** In ggml's order: a matrix that maps K to N is [K, N], which Hugging Face writes as [N, K]. */
  readonly shape: readonly number[]
}

/** Every tensor of a decoder, without the head if it is tied. */
export function* listNeeded(shape: DecoderShape): Generator<NeededTensor> {
  const { width, feedForward, vocabulary, headWidth } = shape
  const q = shape.heads * headWidth
  const kv = shape.kvHeads * headWidth
  yield { role: 'embedding', layer: 0, shape: [width, vocabulary] }
  for (let layer = 0; layer < shape.layers; layer++) {
    const one = (role: TensorRole, size: readonly number[]): NeededTensor => ({ role, layer, shape: size })
    yield one('attentionNorm', [width])
    yield one('q', [width, q])
    yield one('k', [width, kv])
    yield one('v', [width, kv])
    if (shape.qkvBias) yield* [one('qBias', [q]), one('kBias', [kv]), one('vBias', [kv])]
    if (shape.queryKeyNorm) yield* [one('qNorm', [headWidth]), one('kNorm', [headWidth])]
    yield one('output', [q, width])
    if (shape.postNorms) yield one('postAttentionNorm', [width])
    yield one('feedForwardNorm', [width])
    yield one('gate', [width, feedForward])
    yield one('up', [width, feedForward])
    yield one('down', [feedForward, width])
    if (shape.postNorms) yield one('postFeedForwardNorm', [width])
  }
  yield { role: 'finalNorm', layer: 0, shape: [width] }
  if (shape.ropeFactors === 'stored') yield { role: 'ropeFactors', layer: 0, shape: [headWidth / 2] }
  if (!shape.tiedHead) yield { role: 'head', layer: 0, shape: [width, vocabulary] }
}

/** A tensor's name in a file. */
export type TensorNames = (role: TensorRole, layer: number) => string

const GGUF: Readonly<Record<TensorRole, string>> = {
  embedding: 'token_embd.weight',
  finalNorm: 'output_norm.weight',
  head: 'output.weight',
  ropeFactors: 'rope_freqs.weight',
  attentionNorm: 'blk.#.attn_norm.weight',
  q: 'blk.#.attn_q.weight',
  k: 'blk.#.attn_k.weight',
  v: 'blk.#.attn_v.weight',
  qBias: 'blk.#.attn_q.bias',
  kBias: 'blk.#.attn_k.bias',
  vBias: 'blk.#.attn_v.bias',
  qNorm: 'blk.#.attn_q_norm.weight',
  kNorm: 'blk.#.attn_k_norm.weight',
  output: 'blk.#.attn_output.weight',
  postAttentionNorm: 'blk.#.post_attention_norm.weight',
  feedForwardNorm: 'blk.#.ffn_norm.weight',
  gate: 'blk.#.ffn_gate.weight',
  up: 'blk.#.ffn_up.weight',
  down: 'blk.#.ffn_down.weight',
  postFeedForwardNorm: 'blk.#.post_ffw_norm.weight',
}

const HUGGING_FACE: Readonly<Record<TensorRole, string>> = {
  embedding: 'embed_tokens.weight',
  finalNorm: 'norm.weight',
  head: 'lm_head.weight',
  ropeFactors: 'rope_freqs.weight',
  attentionNorm: 'layers.#.input_layernorm.weight',
  q: 'layers.#.self_attn.q_proj.weight',
  k: 'layers.#.self_attn.k_proj.weight',
  v: 'layers.#.self_attn.v_proj.weight',
  qBias: 'layers.#.self_attn.q_proj.bias',
  kBias: 'layers.#.self_attn.k_proj.bias',
  vBias: 'layers.#.self_attn.v_proj.bias',
  qNorm: 'layers.#.self_attn.q_norm.weight',
  kNorm: 'layers.#.self_attn.k_norm.weight',
  output: 'layers.#.self_attn.o_proj.weight',
  postAttentionNorm: 'layers.#.post_attention_layernorm.weight',
  feedForwardNorm: 'layers.#.post_attention_layernorm.weight',
  gate: 'layers.#.mlp.gate_proj.weight',
  up: 'layers.#.mlp.up_proj.weight',
  down: 'layers.#.mlp.down_proj.weight',
  postFeedForwardNorm: 'layers.#.post_feedforward_layernorm.weight',
}

export const ggufNames: TensorNames = (role, layer) => GGUF[role].replace('#', String(layer))

/** How the decoder's tensors are named in a file: the prefix of their names, and the name of the head. */
export interface HuggingFaceLayout {
  readonly prefix: string
  readonly head: string
}
/** A text model alone, the two ways in which a model that also reads images contains one, and a model without a prefix. */
export const HUGGING_FACE_LAYOUTS: readonly HuggingFaceLayout[] = [
  { prefix: 'model.', head: 'lm_head.weight' },
  { prefix: 'language_model.model.', head: 'language_model.lm_head.weight' },
  { prefix: 'model.language_model.', head: 'lm_head.weight' },
  // The decoder alone, as a base class saves it.
  { prefix: '', head: 'lm_head.weight' },
]

/**
 * With norms after attention, `post_attention_layernorm` is one of these, and the norm of the feed-forward layer has
 * another name.
 */
export const huggingFaceNames =
  ({ postNorms }: Pick<DecoderShape, 'postNorms'>, { prefix, head }: HuggingFaceLayout): TensorNames =>
  (role, layer) => {
    if (role === 'head') return head
    const name =
      role === 'feedForwardNorm' && postNorms
        ? 'layers.#.pre_feedforward_layernorm.weight'
        : HUGGING_FACE[role]
    return prefix + name.replace('#', String(layer))
  }
