// Knows: how the metadata of a GGUF file describe a decoder, and why some cannot be built.
// Must not know: how tensors are read (read-weights.ts), their names (decoder-tensors.ts).
// The keys are those of llama.cpp's `gguf` package; missing keys have llama.cpp's defaults.
import {
  ARCHITECTURES,
  findArchitecture,
  linearFactors,
  makeShape,
  type Architecture,
} from '../../models/architectures/index.ts'
import type { DecoderShape } from '../../models/shape.ts'
import type { GgufTensor } from './gguf-header.ts'
import { readNumber, readText, readUniform, type Metadata } from './metadata.ts'
import { quote } from '../quote.ts'

/** The architecture, or the end of a sentence on why it is not supported. */
export function readArchitecture(metadata: Metadata): Architecture | string {
  const name = readText(metadata, 'general.architecture')
  if (name === undefined) return 'it does not state its architecture'
  const type = readText(metadata, 'general.type') ?? 'model'
  if (type !== 'model')
    return `it is not a model but ${quote(type)} (an adapter, for example, needs its base model)`
  const parts = readNumber(metadata, 'split.count') ?? 1
  if (parts > 1)
    return `it is one of ${parts} parts of a split model, and all parts are needed; choose them together, or join them with llama.cpp's gguf-split`
  return (
    findArchitecture(name) ??
    `its architecture is ${quote(name)}, and only ${ARCHITECTURES.map((known) => `"${known.name}"`).join(', ')} are supported (Llama 1 to 3, Mistral, SmolLM, TinyLlama, Qwen 2 to 3, Gemma 3 and their relatives)`
  )
}

/** The shape, or the end of a sentence on what the decoder does not support. */
export function readGgufShape(
  architecture: Architecture,
  metadata: Metadata,
  tensors: ReadonlyMap<string, GgufTensor>,
): DecoderShape | string {
  const prefix = architecture.name
  const number = (key: string): number | undefined => readUniform(metadata, `${prefix}.${key}`)
  const unsupported = findUnsupportedFeature(prefix, metadata)
  if (unsupported !== undefined) return unsupported
  const embedding = tensors.get('token_embd.weight')
  if (embedding === undefined) return 'its embedding ("token_embd.weight") is missing'
  const sizes = {
    block_count: number('block_count'),
    embedding_length: number('embedding_length'),
    'attention.head_count': number('attention.head_count'),
    feed_forward_length: number('feed_forward_length'),
    context_length: number('context_length'),
    'attention.layer_norm_rms_epsilon': number('attention.layer_norm_rms_epsilon'),
  }
  for (const [key, value] of Object.entries(sizes)) {
    if (value === undefined)
      return `"${prefix}.${key}" is missing in it, is no number, or differs between its layers`
    if (value <= 0) return `"${prefix}.${key}" is ${value} in it`
  }
  const {
    block_count: layers = 0,
    embedding_length: width = 0,
    'attention.head_count': heads = 0,
    feed_forward_length: feedForward = 0,
    context_length: context = 0,
    'attention.layer_norm_rms_epsilon': normEpsilon = 0,
  } = sizes
  if (layers > tensors.size) return `it claims to have ${layers} layers but has ${tensors.size} tensors`
  if (metadata.has(`${prefix}.attention.head_count_kv`) && number('attention.head_count_kv') === undefined)
    return 'its layers have different numbers of key-value heads, which the decoder does not support'
  const headWidth = number('attention.key_length') ?? width / heads
  const valueWidth = number('attention.value_length') ?? headWidth
  if (valueWidth !== headWidth)
    return `its values have width ${valueWidth} and its keys ${headWidth}; the decoder needs equal widths`
  const rotated = number('rope.dimension_count') ?? headWidth
  if (rotated !== headWidth)
    return `it rotates only ${rotated} of ${headWidth} numbers of a head (partial RoPE), which the decoder does not support`
  const ropeTheta = number('rope.freq_base') ?? 10_000
  if (ropeTheta <= 0) return `its RoPE base is ${ropeTheta}`
  const vocabulary = embedding.shape[1] ?? 0
  const tokens = metadata.get('tokenizer.ggml.tokens')
  if (Array.isArray(tokens) && tokens.length > vocabulary)
    return `it has ${tokens.length} tokens but embeddings for ${vocabulary} only`
  const window = readWindow(architecture, metadata, layers)
  if (typeof window === 'string') return window
  const factor = readFactor(prefix, metadata)
  const stored = architecture.storesRopeFactors === true && tensors.has('rope_freqs.weight')
  if (stored && factor !== 1)
    return 'it has both RoPE factors and RoPE scaling, which the decoder does not support'
  // A head width that is not a whole number is refused with the sizes; no list of factors is created from it.
  const factors = stored
    ? 'stored'
    : factor !== 1 && Number.isInteger(headWidth) && headWidth < 65_536
      ? linearFactors({ headWidth }, factor)
      : undefined
  const scale = number('attention.scale') ?? 0
  return makeShape(architecture, {
    layers,
    width,
    heads,
    kvHeads: number('attention.head_count_kv') ?? heads,
    headWidth,
    feedForward,
    vocabulary,
    context,
    ropeTheta,
    normEpsilon,
    tiedHead: !tensors.has('output.weight'),
    ...(factors === undefined ? {} : { ropeFactors: factors }),
    ...(scale > 0 ? { attentionScale: scale } : {}),
    ...window,
  })
}

/** A feature that changes what the model computes and that the decoder does not support. */
function findUnsupportedFeature(prefix: string, metadata: Metadata): string | undefined {
  const scaling = readText(metadata, `${prefix}.rope.scaling.type`) ?? 'linear'
  if (scaling !== 'none' && scaling !== 'linear')
    return `it has a RoPE scaling (${quote(scaling)}) that the decoder does not support`
  const factor = readFactor(prefix, metadata)
  if (!(factor > 0 && Number.isFinite(factor))) return `its RoPE scaling factor is ${factor}`
  const experts = readNumber(metadata, `${prefix}.expert_count`) ?? 0
  if (experts > 0) return `it is a mixture of ${experts} experts, which the decoder does not support`
  for (const key of ['logit_scale', 'residual_scale', 'embedding_scale', 'rope.scaling.attn_factor']) {
    const scale = readNumber(metadata, `${prefix}.${key}`)
    if (scale !== undefined && scale !== 0 && scale !== 1)
      return `it has a scale ("${prefix}.${key}") that the decoder does not support`
  }
  for (const key of ['attn_logit_softcapping', 'final_logit_softcapping']) {
    if ((readNumber(metadata, `${prefix}.${key}`) ?? 0) > 0)
      return `it has softcapping ("${prefix}.${key}"), which the decoder does not support`
  }
  return undefined
}

/** Divisor of the positions. */
function readFactor(prefix: string, metadata: Metadata): number {
  if (readText(metadata, `${prefix}.rope.scaling.type`) === 'none') return 1
  const factor =
    readNumber(metadata, `${prefix}.rope.scaling.factor`) ??
    readNumber(metadata, `${prefix}.rope.scale_linear`) ??
    1
  return factor === 0 ? 1 : factor
}

/**
 * The layers with a sliding window. `sliding_window_pattern` is a number (every n-th layer has full attention) or a
 * list.
 */
function readWindow(
  { name, windows }: Architecture,
  metadata: Metadata,
  layers: number,
): { window?: number; windowTheta?: number; localLayers?: readonly boolean[] } | string {
  const window = readNumber(metadata, `${name}.attention.sliding_window`) ?? 0
  if (windows === undefined)
    return window > 0 ? 'its attention has a sliding window, which is not supported for its architecture' : {}
  if (window === 0)
    return windows.required ? `"${name}.attention.sliding_window" is missing in it or is not one number` : {}
  const theta = readNumber(metadata, `${name}.rope.freq_base_swa`)
  const pattern = metadata.get(`${name}.attention.sliding_window_pattern`)
  const known = { window, ...(theta === undefined ? {} : { windowTheta: theta }) }
  if (pattern === undefined) return known
  if (typeof pattern === 'number')
    return {
      ...known,
      localLayers: Array.from(
        { length: layers },
        (_, layer) => pattern === 0 || layer % pattern < pattern - 1,
      ),
    }
  if (Array.isArray(pattern) && pattern.length === layers)
    return { ...known, localLayers: pattern.map((one: unknown) => one === true || one === 1) }
  return 'it does not state clearly which of its layers have a sliding window'
}
