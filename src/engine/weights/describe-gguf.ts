// Knows: what a GGUF file of a Llama-like model must say and hold, and why a file that says otherwise cannot be used.
// Must not know: how tensors are read (llama-gguf.ts), how text is tokenised (../tokenizers).
import { faultOfShape } from '../models/shape.ts'
import type { DecoderShape } from '../models/shape.ts'
import type { GgufHeader, GgufTensor } from './gguf-header.ts'
import { readNumber, readText } from './metadata.ts'
import type { Metadata } from './metadata.ts'
import { findQuant, QUANTS } from './quants/index.ts'
import { quote } from './quote.ts'

/** What a model file says of itself. */
export interface ModelFacts {
  /** From the metadata; undefined where the file does not say. */
  readonly name?: string
  readonly architecture: string
  readonly shape: DecoderShape
  readonly parameters: number
  /** The type that most parameters have, such as `Q4_1`. */
  readonly quantisation: string
  /** Tensor types and how many tensors have each. */
  readonly tensorTypes: Readonly<Record<string, number>>
  readonly licence?: string
  readonly hasChatTemplate: boolean
  /** Bytes that loading takes: 32-bit floats on wasm, the file's own bits where they can stay on WebGPU. */
  readonly memoryBytes: { readonly wasm: number; readonly webgpu: number }
}

export type Description = { readonly ok: true; readonly facts: ModelFacts } | { readonly ok: false; readonly sentence: string }

/** Describes a model without reading a weight, or says in a sentence why it cannot be used. */
export function describeGguf(header: GgufHeader): Description {
  const { metadata, tensors } = header
  const why = faultOfKind(metadata) ?? faultOfFeatures(metadata)
  if (why !== undefined) return refuse(why)
  const shape = readShape(metadata, tensors)
  if (typeof shape === 'string') return refuse(shape)
  const fault = faultOfShape(shape)
  if (fault !== undefined) return refuse(`its sizes do not fit together (${fault})`)
  const missing = faultOfTensors(shape, tensors)
  if (missing !== undefined) return refuse(missing)
  const name = readText(metadata, 'general.name')
  const licence = readText(metadata, 'general.license')
  return {
    ok: true,
    facts: {
      ...(name === undefined ? {} : { name }),
      architecture: 'llama',
      shape,
      ...countTensors(tensors),
      ...(licence === undefined ? {} : { licence }),
      hasChatTemplate: readText(metadata, 'tokenizer.chat_template') !== undefined,
      memoryBytes: estimateMemory(shape, tensors),
    },
  }
}

/** Tensors of a Llama-like file and their shapes in ggml's order, the head left out where it is tied. */
export function* listTensors(shape: DecoderShape): Generator<readonly [name: string, shape: readonly number[]]> {
  const { width, feedForward, vocabulary } = shape
  const q = shape.heads * shape.headWidth
  const kv = shape.kvHeads * shape.headWidth
  yield ['token_embd.weight', [width, vocabulary]]
  for (let i = 0; i < shape.layers; i++) {
    yield [`blk.${i}.attn_norm.weight`, [width]]
    yield [`blk.${i}.attn_q.weight`, [width, q]]
    yield [`blk.${i}.attn_k.weight`, [width, kv]]
    yield [`blk.${i}.attn_v.weight`, [width, kv]]
    yield [`blk.${i}.attn_output.weight`, [q, width]]
    yield [`blk.${i}.ffn_norm.weight`, [width]]
    yield [`blk.${i}.ffn_gate.weight`, [width, feedForward]]
    yield [`blk.${i}.ffn_up.weight`, [width, feedForward]]
    yield [`blk.${i}.ffn_down.weight`, [feedForward, width]]
  }
  yield ['output_norm.weight', [width]]
  if (!shape.tiedHead) yield ['output.weight', [width, vocabulary]]
}

const refuse = (why: string): Description => ({ ok: false, sentence: `This model cannot be used: ${why}. Choose another one.` })

function faultOfKind(metadata: Metadata): string | undefined {
  const architecture = readText(metadata, 'general.architecture')
  if (architecture === undefined) return 'it does not say which architecture it has'
  const type = readText(metadata, 'general.type') ?? 'model'
  if (type !== 'model') return `it is not a model but ${quote(type)} (an adapter, for example, needs the model that it was made for)`
  const parts = readNumber(metadata, 'split.count') ?? 1
  if (parts > 1) return `it is one of ${parts} parts of a split model; join them with llama.cpp's gguf-split first`
  if (architecture !== 'llama') return `its architecture is ${quote(architecture)}, and only "llama" is read so far (Llama 1 to 3, Mistral, SmolLM, TinyLlama and their kin)`
  return undefined
}

/** Features that change what the model computes and that the decoder does not have. */
function faultOfFeatures(metadata: Metadata): string | undefined {
  const scaling = readText(metadata, 'llama.rope.scaling.type') ?? 'none'
  const factor = readNumber(metadata, 'llama.rope.scaling.factor') ?? readNumber(metadata, 'llama.rope.scale_linear') ?? 1
  if (scaling !== 'none' && factor !== 1) return `it stretches its positions (RoPE scaling ${quote(scaling)}), which is not done here`
  if (scaling === 'none' && factor !== 1) return 'it stretches its positions (RoPE scaling), which is not done here'
  const experts = readNumber(metadata, 'llama.expert_count') ?? 0
  if (experts > 0) return `it is a mixture of ${experts} experts, which the decoder here does not have`
  if ((readNumber(metadata, 'llama.attention.sliding_window') ?? 0) > 0) return 'its attention has a sliding window, which the decoder here does not have'
  for (const key of ['attention.scale', 'logit_scale', 'residual_scale', 'embedding_scale']) {
    const scale = readNumber(metadata, `llama.${key}`)
    if (scale !== undefined && scale !== 0 && scale !== 1) return `it scales its numbers in a way of its own ("llama.${key}"), which the decoder here does not have`
  }
  return undefined
}

function readShape(metadata: Metadata, tensors: ReadonlyMap<string, GgufTensor>): DecoderShape | string {
  const number = (key: string): number | undefined => readNumber(metadata, `llama.${key}`)
  const embedding = tensors.get('token_embd.weight')
  if (embedding === undefined) return 'its embedding ("token_embd.weight") is missing'
  const layers = number('block_count')
  const width = number('embedding_length')
  const heads = number('attention.head_count')
  const feedForward = number('feed_forward_length')
  const context = number('context_length')
  const normEpsilon = number('attention.layer_norm_rms_epsilon')
  for (const [key, value] of Object.entries({ block_count: layers, embedding_length: width, 'attention.head_count': heads, feed_forward_length: feedForward, context_length: context, 'attention.layer_norm_rms_epsilon': normEpsilon })) {
    if (value === undefined) return `"llama.${key}" is missing in it or is not one number`
    if (value <= 0) return `"llama.${key}" is ${value} in it`
  }
  if (layers === undefined || width === undefined || heads === undefined || feedForward === undefined || context === undefined || normEpsilon === undefined) return 'its sizes are missing'
  if (layers > tensors.size) return `it says that it has ${layers} layers but holds ${tensors.size} tensors`
  if (metadata.has('llama.attention.head_count_kv') && number('attention.head_count_kv') === undefined) return 'its layers have different numbers of key-value heads, which the decoder here does not have'
  const headWidth = number('attention.key_length') ?? width / heads
  const valueWidth = number('attention.value_length') ?? headWidth
  if (valueWidth !== headWidth) return `its values are ${valueWidth} wide and its keys ${headWidth}; the decoder here wants them equal`
  const turned = number('rope.dimension_count') ?? headWidth
  if (turned !== headWidth) return `it turns only ${turned} of ${headWidth} numbers of a head (partial RoPE), which is not done here`
  const ropeTheta = number('rope.freq_base') ?? 10_000
  if (ropeTheta <= 0) return `its RoPE base is ${ropeTheta}`
  const vocabulary = embedding.shape[1] ?? 0
  const tokens = metadata.get('tokenizer.ggml.tokens')
  if (Array.isArray(tokens) && tokens.length > vocabulary) return `it has ${tokens.length} tokens but embeddings for ${vocabulary} only`
  const kvHeads = number('attention.head_count_kv') ?? heads
  return { layers, width, heads, kvHeads, headWidth, feedForward, vocabulary, context, ropeTheta, normEpsilon, tiedHead: !tensors.has('output.weight') }
}

function faultOfTensors(shape: DecoderShape, tensors: ReadonlyMap<string, GgufTensor>): string | undefined {
  const expected = new Set<string>()
  for (const [name, wanted] of listTensors(shape)) {
    expected.add(name)
    const tensor = tensors.get(name)
    if (tensor === undefined) return `the tensor "${name}" is missing`
    // Trailing ones are the same shape: some writers keep [n, 1].
    const found = tensor.shape.filter((size, i) => i < wanted.length || size !== 1)
    if (found.length !== wanted.length || found.some((size, i) => size !== wanted[i])) {
      return `the tensor "${name}" has the shape ${tensor.shape.join(' × ')}, and ${wanted.join(' × ')} was expected`
    }
    if (findQuant(tensor.type.name) === undefined) {
      return `the tensor "${name}" has the type ${tensor.type.name}, which is not read (read are ${QUANTS.map((quant) => quant.name).join(', ')})`
    }
  }
  for (const name of tensors.keys()) {
    if (expected.has(name)) continue
    if (name.startsWith('rope_freqs')) return 'it stretches its positions by factors of its own ("rope_freqs.weight", as Llama 3.1 and 3.2 do), which is not done here'
    if (name.endsWith('.bias')) return `it adds a bias (${quote(name)}), which the decoder here does not have`
    if (name.endsWith('rotary_emb.inv_freq')) continue // tables that old converters kept; they follow from the base
    return `it has a tensor ${quote(name)} that the decoder here has no place for`
  }
  return undefined
}

function countTensors(tensors: ReadonlyMap<string, GgufTensor>): Pick<ModelFacts, 'parameters' | 'quantisation' | 'tensorTypes'> {
  const count: Record<string, number> = {}
  const elements = new Map<string, number>()
  let parameters = 0
  for (const { type, shape } of tensors.values()) {
    const size = shape.reduce((product, n) => product * n, 1)
    parameters += size
    count[type.name] = (count[type.name] ?? 0) + 1
    elements.set(type.name, (elements.get(type.name) ?? 0) + size)
  }
  const [quantisation = ''] = [...elements].toSorted((a, b) => b[1] - a[1])[0] ?? []
  return { parameters, quantisation, tensorTypes: count }
}

/**
 * Bytes at the peak of loading. wasm: measured heap after creation is 1.55 bytes for every byte of 32-bit floats (prepacked
 * copies), beside which the copy in JavaScript lives until the session is made. WebGPU: the packed weights twice (here and
 * on the device) and a float correction. Both keep the quantised embedding, and a cache for eight rows of 1,024 tokens.
 */
function estimateMemory(shape: DecoderShape, tensors: ReadonlyMap<string, GgufTensor>): ModelFacts['memoryBytes'] {
  let floats = 0
  let packed = 0
  for (const [name] of listTensors(shape)) {
    const tensor = tensors.get(name)
    if (tensor === undefined || (name === 'token_embd.weight' && !shape.tiedHead)) continue
    const size = tensor.shape.reduce((product, n) => product * n, 1)
    floats += 4 * size
    const kind = tensor.type.name
    // Four bits with a float scale and correction for 32 weights; eight bits with a float scale; else floats.
    packed += size * (findQuant(kind)?.readFourBits !== undefined ? 0.5 + 0.25 : kind === 'Q8_0' ? 1 + 0.125 : 4)
  }
  const embedding = tensors.get('token_embd.weight')?.bytes ?? 0
  const cache = 2 * 4 * shape.layers * shape.kvHeads * shape.headWidth * 8 * Math.min(1024, shape.context)
  return { wasm: Math.round(2.55 * floats + embedding + cache), webgpu: Math.round(2 * packed + embedding + cache) }
}
