// Knows: the Llama decoder (RMSNorm, grouped-query attention, SwiGLU) and the variations of its relatives.
// Must not know: how weights are stored, how attention caches (DecoderParts), what the hidden states are used for.
import type { Graph, Value } from '../graph/graph.ts'
import {
  mul,
  simplifiedLayerNormalization,
  skipSimplifiedLayerNormalization,
  split,
} from '../graph/ops/index.ts'
import { geGlu } from './ge-glu.ts'
import type { DecoderShape } from './shape.ts'
import { swiGlu } from './swi-glu.ts'

export type LinearName = 'qkv' | 'output' | 'gateUp' | 'down'
export type NormName = 'attention' | 'feedForward' | 'final' | 'postAttention' | 'postFeedForward'

/** What differs between training, inference on wasm and inference on WebGPU. */
export interface DecoderParts {
  /** Projection x [.., K] → [.., N]; qkv returns q|k|v and gateUp gate|up side by side. */
  linear(x: Value, layer: number, name: LinearName): Value
  /**
   * Both projections of the feed-forward layer, if they are not stacked: [gate, up]. Absent: `linear` of `gateUp` is
   * split.
   */
  gateAndUp?(x: Value, layer: number): readonly [Value, Value]
  /** Weight [width] of a norm; `final` has layer = layers. */
  normWeight(layer: number, name: NormName): Value
  /** Attention of a layer: q|k|v [.., (heads + 2 kvHeads) · headWidth] before RoPE → [.., heads · headWidth]. */
  attend(qkv: Value, layer: number): Value
}

/**
 * Hidden states after the final norm, in the shape of x: [B, S, width], or [rows, width] if `attend` knows the layout
 * of the rows. Architecture: Touvron et al. 2023, as Hugging Face's `LlamaModel` computes it;
 * with `postNorms`, `activation` and `embeddingScale` of the shape as its `Gemma3TextModel` computes it.
 */
export function buildDecoder(g: Graph, shape: DecoderShape, x: Value, parts: DecoderParts): Value {
  const { layers, feedForward, normEpsilon } = shape
  let residual = shape.embeddingScale === undefined ? x : mul(g, x, g.scalar(shape.embeddingScale))
  let normed = simplifiedLayerNormalization(g, residual, parts.normWeight(0, 'attention'), normEpsilon)
  const addAndNorm = (delta: Value, layer: number, name: NormName): void => {
    ;({ normed, sum: residual } = skipSimplifiedLayerNormalization(
      g,
      delta,
      residual,
      parts.normWeight(layer, name),
      normEpsilon,
    ))
  }
  const postNorm = (delta: Value, layer: number, name: NormName): Value =>
    shape.postNorms === true
      ? simplifiedLayerNormalization(g, delta, parts.normWeight(layer, name), normEpsilon)
      : delta
  const gated = shape.activation === 'gelu' ? geGlu : swiGlu
  for (let layer = 0; layer < layers; layer++) {
    const attended = parts.attend(parts.linear(normed, layer, 'qkv'), layer)
    addAndNorm(
      postNorm(parts.linear(attended, layer, 'output'), layer, 'postAttention'),
      layer,
      'feedForward',
    )
    const [gate, up] =
      parts.gateAndUp?.(normed, layer) ??
      (split(g, parts.linear(normed, layer, 'gateUp'), [feedForward, feedForward], -1) as [Value, Value])
    const activated = gated(g, gate, up)
    addAndNorm(
      postNorm(parts.linear(activated, layer, 'down'), layer, 'postFeedForward'),
      layer + 1,
      layer + 1 < layers ? 'attention' : 'final',
    )
  }
  return normed
}
