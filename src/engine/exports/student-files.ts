// Knows: the files of a student in other tools' formats: a folder that transformers opens, one GGUF that llama.cpp
// opens.
// Must not know: where a student is stored, how it was trained.
import { elementsOf } from '../graph/dims.ts'
import type { DecoderShape } from '../models/shape.ts'
import { namePreTokenizer } from '../tokenizers/splitting/pre-tokenizers.ts'
import { fieldOf } from '../tokenizers/files/unknown-json.ts'
import {
  END_TOKEN,
  makeStudentTokenizerConfig,
  PAD_TOKEN,
  STUDENT_CHAT_TEMPLATE,
  STUDENT_SPECIALS,
} from '../tokenizers/templates/student-template.ts'
import { toHalf } from '../weights/half.ts'
import { writeGguf, type WrittenTensor, type WrittenValue } from '../weights/gguf/gguf-write.ts'
import { writeSafetensors, type PlainTensor } from '../weights/hugging-face/safetensors.ts'

export interface WrittenFile {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** A student to write: its tensors under Hugging Face's names and its tokenizer.json. */
export interface WrittenStudent {
  readonly shape: DecoderShape
  readonly tensors: ReadonlyMap<string, PlainTensor>
  readonly tokenizerJson: unknown
  /** A display name, such as the project's. */
  readonly name: string
  /** Class names, if its shape has classes, in the order of their ids. */
  readonly classes?: readonly string[]
}

/** Precision of the matrices in a GGUF: full, or rounded to half precision. Norms are not rounded. */
export type GgufPrecision = 'F32' | 'F16'

const [PAD, END] = [STUDENT_SPECIALS.indexOf(PAD_TOKEN), STUDENT_SPECIALS.indexOf(END_TOKEN)]

/**
 * The five files of a Hugging Face folder; four for a student of classes, which `LlamaForSequenceClassification` opens:
 * it classifies at the last token that is not padding, hence `pad_token_id`. Generation is greedy, as in the comparison
 * on the page. `layer_types`, quantisation and similar fields have transformers' defaults.
 */
export function writeHuggingFaceFiles({
  shape,
  tensors,
  tokenizerJson,
  classes,
}: WrittenStudent): WrittenFile[] {
  const ends = { pad_token_id: PAD, eos_token_id: END }
  return [
    { name: 'model.safetensors', bytes: writeSafetensors(tensors, { format: 'pt' }) },
    jsonFile('config.json', {
      ...makeConfig(shape),
      bos_token_id: null,
      ...ends,
      ...(classes ? nameClasses(classes) : {}),
    }),
    ...(classes
      ? []
      : [jsonFile('generation_config.json', { do_sample: false, bos_token_id: null, ...ends })]),
    jsonFile('tokenizer.json', joinMerges(tokenizerJson)),
    jsonFile('tokenizer_config.json', makeStudentTokenizerConfig(shape.context)),
  ]
}

/** The fields of a config for classes: the architecture and the class names. */
const nameClasses = (classes: readonly string[]): object => ({
  architectures: ['LlamaForSequenceClassification'],
  problem_type: 'single_label_classification',
  id2label: Object.fromEntries(classes.entries()),
  label2id: Object.fromEntries(classes.map((name, i) => [name, i])),
})

/** The config.json of a shape. */
export const makeConfig = (shape: DecoderShape): object => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: shape.width,
  intermediate_size: shape.feedForward,
  num_hidden_layers: shape.layers,
  num_attention_heads: shape.heads,
  num_key_value_heads: shape.kvHeads,
  head_dim: shape.headWidth,
  vocab_size: shape.vocabulary,
  max_position_embeddings: shape.context,
  hidden_act: 'silu',
  rms_norm_eps: shape.normEpsilon,
  rope_theta: shape.ropeTheta,
  rope_scaling: null,
  attention_bias: false,
  attention_dropout: 0,
  mlp_bias: false,
  initializer_range: 0.02,
  tie_word_embeddings: shape.tiedHead,
  torch_dtype: 'float32',
  use_cache: true,
})

/** One GGUF. Its pre-tokenizer has llama.cpp's name. Throws a RangeError for a tokenizer that is not a student's. */
export function writeStudentGguf(
  { shape, tensors, tokenizerJson, name }: WrittenStudent,
  { precision = 'F32', licence }: { readonly precision?: GgufPrecision; readonly licence?: string } = {},
): WrittenFile {
  const { tokens, merges } = readVocabulary(tokenizerJson, shape.vocabulary)
  const pre = namePreTokenizer(tokenizerJson)
  if (pre === undefined) throw new RangeError('llama.cpp has no name for the pre-tokenizer of this student.')
  const added = fieldOf(tokenizerJson, 'added_tokens')
  const userDefined = new Set(
    (Array.isArray(added) ? added : [])
      .filter((token) => fieldOf(token, 'special') === false)
      .map((token) => fieldOf(token, 'id')),
  )
  const u32 = (value: number): WrittenValue => ({ kind: 'u32', value })
  const text = (value: string): WrittenValue => ({ kind: 'text', value })
  const metadata = new Map<string, WrittenValue>([
    ['general.architecture', text('llama')],
    ['general.type', text('model')],
    ['general.name', text(name)],
    ...(licence === undefined ? [] : [['general.license', text(licence)] as const]),
    ['general.file_type', u32(precision === 'F32' ? 0 : 1)],
    ['llama.block_count', u32(shape.layers)],
    ['llama.context_length', u32(shape.context)],
    ['llama.embedding_length', u32(shape.width)],
    ['llama.feed_forward_length', u32(shape.feedForward)],
    ['llama.attention.head_count', u32(shape.heads)],
    ['llama.attention.head_count_kv', u32(shape.kvHeads)],
    ['llama.attention.layer_norm_rms_epsilon', { kind: 'f32', value: shape.normEpsilon }],
    ['llama.rope.dimension_count', u32(shape.headWidth)],
    ['llama.rope.freq_base', { kind: 'f32', value: shape.ropeTheta }],
    ['llama.vocab_size', u32(shape.vocabulary)],
    ['tokenizer.ggml.model', text('gpt2')],
    ['tokenizer.ggml.pre', text(pre)],
    ['tokenizer.ggml.tokens', { kind: 'texts', value: tokens }],
    [
      'tokenizer.ggml.token_type',
      {
        kind: 'i32s',
        value: tokens.map((_, id) =>
          id < STUDENT_SPECIALS.length ? CONTROL : userDefined.has(id) ? USER_DEFINED : NORMAL,
        ),
      },
    ],
    ['tokenizer.ggml.merges', { kind: 'texts', value: merges }],
    ['tokenizer.ggml.eos_token_id', u32(END)],
    ['tokenizer.ggml.padding_token_id', u32(PAD)],
    ['tokenizer.ggml.add_bos_token', { kind: 'bool', value: false }],
    ['tokenizer.ggml.add_eos_token', { kind: 'bool', value: false }],
    ['tokenizer.chat_template', text(STUDENT_CHAT_TEMPLATE)],
  ])
  return {
    name: 'model.gguf',
    bytes: writeGguf(
      metadata,
      [...tensors].map(([from, tensor]) => toGgufTensor(from, tensor, shape, precision)),
    ),
  }
}

/** ggml's token types. */
const [NORMAL, CONTROL, USER_DEFINED] = [1, 3, 4]

const GGUF_NAMES: readonly (readonly [RegExp, string])[] = [
  [/^model\.embed_tokens\.weight$/, 'token_embd.weight'],
  [/^model\.norm\.weight$/, 'output_norm.weight'],
  [/^model\.layers\.(\d+)\.input_layernorm\.weight$/, 'blk.$1.attn_norm.weight'],
  [/^model\.layers\.(\d+)\.self_attn\.([qkv])_proj\.weight$/, 'blk.$1.attn_$2.weight'],
  [/^model\.layers\.(\d+)\.self_attn\.o_proj\.weight$/, 'blk.$1.attn_output.weight'],
  [/^model\.layers\.(\d+)\.post_attention_layernorm\.weight$/, 'blk.$1.ffn_norm.weight'],
  [/^model\.layers\.(\d+)\.mlp\.(gate|up|down)_proj\.weight$/, 'blk.$1.ffn_$2.weight'],
]

/** A tensor under ggml's name and in its order. Throws a RangeError for a name that a Llama does not have. */
export function toGgufTensor(
  from: string,
  tensor: PlainTensor,
  { heads, kvHeads }: DecoderShape,
  precision: GgufPrecision,
): WrittenTensor {
  const [pattern, to] = GGUF_NAMES.find(([known]) => known.test(from)) ?? []
  if (!pattern || to === undefined) throw new RangeError(`A student has no tensor ${from}.`)
  const name = from.replace(pattern, to)
  const data = name.endsWith('attn_q.weight')
    ? pairRows(tensor, heads)
    : name.endsWith('attn_k.weight')
      ? pairRows(tensor, kvHeads)
      : tensor.data
  if (precision === 'F16' && tensor.shape.length > 1) {
    const halves = new Uint16Array(data.length) // not by `from`, which would call back for up to hundreds of millions of numbers
    for (let i = 0; i < halves.length; i++) halves[i] = toHalf(data[i] as number)
    return { name, type: 'F16', shape: tensor.shape.toReversed(), bytes: new Uint8Array(halves.buffer) }
  }
  return {
    name,
    type: 'F32',
    shape: tensor.shape.toReversed(),
    bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }
}

/**
 * Rows of a query or key projection in llama.cpp's order: rotary pairs side by side (2i, 2i + 1); Hugging Face has them
 * half a head apart (i, i + headWidth / 2).
 */
function pairRows({ shape, data }: PlainTensor, heads: number): Float32Array {
  const [rows = 0, columns = 0] = shape
  const half = rows / heads / 2
  const out = new Float32Array(elementsOf(shape))
  for (let to = 0; to < rows; to++) {
    const inHead = to % (2 * half)
    const from = to - inHead + (inHead % 2) * half + Math.floor(inHead / 2)
    out.set(data.subarray(from * columns, (from + 1) * columns), to * columns)
  }
  return out
}

/**
 * A tokenizer.json with its merges as texts such as “a b”, which readers of every version take; those of lists of two need a recent
 * one. Unchanged if a token contains a space, which could not be distinguished from the separator.
 */
function joinMerges(tokenizerJson: unknown): unknown {
  const model = fieldOf(tokenizerJson, 'model')
  const merges = fieldOf(model, 'merges')
  const isPair = (pair: unknown): pair is string[] =>
    Array.isArray(pair) &&
    pair.length === 2 &&
    pair.every((part) => typeof part === 'string' && !part.includes(' '))
  if (!Array.isArray(merges) || !merges.every(isPair)) return tokenizerJson
  return Object.assign({}, tokenizerJson, {
    model: Object.assign({}, model, { merges: merges.map((pair) => pair.join(' ')) }),
  })
}

/** Tokens by id and merges as lines, from a tokenizer.json that trainBpe wrote and a checkpoint stored. */
function readVocabulary(tokenizerJson: unknown, size: number): { tokens: string[]; merges: string[] } {
  const unreadable = (): RangeError =>
    new RangeError('The tokenizer of this student cannot be read: it was not written by this program.')
  const model = fieldOf(tokenizerJson, 'model')
  const [vocabulary, pairs] = [fieldOf(model, 'vocab'), fieldOf(model, 'merges')]
  if (typeof vocabulary !== 'object' || vocabulary === null || !Array.isArray(pairs)) throw unreadable()
  const tokens: string[] = []
  for (const [token, id] of Object.entries(vocabulary)) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= size) throw unreadable()
    tokens[id] = token
  }
  if (tokens.length !== size || tokens.includes(undefined as never)) throw unreadable()
  const merges = pairs.map((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2 || pair.some((part) => typeof part !== 'string'))
      throw unreadable()
    return pair.join(' ')
  })
  return { tokens, merges }
}

export const jsonFile = (name: string, value: unknown): WrittenFile => ({
  name,
  bytes: new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`),
})
