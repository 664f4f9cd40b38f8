// Knows: what a student is called in other tools' files: a folder that transformers opens, one GGUF that llama.cpp opens.
// Must not know: where a student is stored, how it was trained.
import { elementsOf } from '../graph/dims.ts'
import type { DecoderShape } from '../models/shape.ts'
import { namePreTokenizer } from '../tokenizers/pre-tokenizers.ts'
import { fieldOf } from '../tokenizers/unknown-json.ts'
import {
  END_TOKEN,
  makeStudentTokenizerConfig,
  PAD_TOKEN,
  STUDENT_CHAT_TEMPLATE,
  STUDENT_SPECIALS,
} from '../tokenizers/student-template.ts'
import { toHalf } from '../weights/half.ts'
import { writeGguf, type WrittenTensor, type WrittenValue } from '../weights/gguf-write.ts'
import { writeSafetensors, type PlainTensor } from '../weights/safetensors.ts'

export interface WrittenFile {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** A student as it is written: its tensors under Hugging Face's names and its tokenizer.json's vocabulary. */
export interface WrittenStudent {
  readonly shape: DecoderShape
  readonly tensors: ReadonlyMap<string, PlainTensor>
  readonly tokenizerJson: unknown
  /** A name for people, such as the project's. */
  readonly name: string
  /** What its classes are called, where its shape has some, in the order of their numbers. */
  readonly classes?: readonly string[]
}

/** How a GGUF holds matrices: as they are, or rounded to half the size (11 bits of fraction). Norms stay as they are. */
export type GgufPrecision = 'F32' | 'F16'

const [PAD, END] = [STUDENT_SPECIALS.indexOf(PAD_TOKEN), STUDENT_SPECIALS.indexOf(END_TOKEN)]

/**
 * The five files of a Hugging Face folder; four for a student of classes, which `LlamaForSequenceClassification` opens: it looks at the
 * last token that is no padding, hence `pad_token_id`. Generation is greedy, as the page's own comparison is. `layer_types`, quantisation
 * and the like are left to transformers' defaults.
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
    jsonFile('tokenizer.json', tokenizerJson),
    jsonFile('tokenizer_config.json', makeStudentTokenizerConfig(shape.context)),
  ]
}

/** What a configuration says of classes: another architecture, and the name of each. */
const nameClasses = (classes: readonly string[]): object => ({
  architectures: ['LlamaForSequenceClassification'],
  problem_type: 'single_label_classification',
  id2label: Object.fromEntries(classes.entries()),
  label2id: Object.fromEntries(classes.map((name, i) => [name, i])),
})

/** What transformers wants to know of a shape. */
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

/** One GGUF. Its pre-tokenizer has the name by which llama.cpp knows it. Throws a RangeError on a tokenizer that is no student's. */
export function writeStudentGguf(
  { shape, tensors, tokenizerJson, name }: WrittenStudent,
  { precision = 'F32', licence }: { readonly precision?: GgufPrecision; readonly licence?: string } = {},
): WrittenFile {
  const { tokens, merges } = readVocabulary(tokenizerJson, shape.vocabulary)
  const pre = namePreTokenizer(tokenizerJson)
  if (pre === undefined)
    throw new RangeError('llama.cpp has no name for the way in which this student cuts texts.')
  const added = fieldOf(tokenizerJson, 'added_tokens')
  const words = new Set(
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
          id < STUDENT_SPECIALS.length ? CONTROL : words.has(id) ? USER_DEFINED : NORMAL,
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

/** ggml's kinds of tokens. */
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

/** A tensor under ggml's name and in its order. Throws a RangeError on a name that a Llama does not have. */
export function toGgufTensor(
  from: string,
  tensor: PlainTensor,
  { heads, kvHeads }: DecoderShape,
  precision: GgufPrecision,
): WrittenTensor {
  const [pattern, to] = GGUF_NAMES.find(([known]) => known.test(from)) ?? []
  if (!pattern || to === undefined) throw new RangeError(`A student has no tensor ${from}.`)
  const name = from.replace(pattern, to)
  const turned = name.endsWith('attn_q.weight')
    ? pairRows(tensor, heads)
    : name.endsWith('attn_k.weight')
      ? pairRows(tensor, kvHeads)
      : tensor.data
  if (precision === 'F16' && tensor.shape.length > 1) {
    const halves = new Uint16Array(turned.length) // not by `from`, which calls for each of what may be hundreds of millions
    for (let i = 0; i < halves.length; i++) halves[i] = toHalf(turned[i] as number)
    return { name, type: 'F16', shape: tensor.shape.toReversed(), bytes: new Uint8Array(halves.buffer) }
  }
  return {
    name,
    type: 'F32',
    shape: tensor.shape.toReversed(),
    bytes: new Uint8Array(turned.buffer, turned.byteOffset, turned.byteLength),
  }
}

/**
 * Rows of a query or key projection in llama.cpp's order: rotary pairs side by side (2i, 2i + 1), where Hugging Face has them
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

/** Tokens by id and merges as lines, from a tokenizer.json that trainBpe wrote and a checkpoint kept. */
function readVocabulary(tokenizerJson: unknown, size: number): { tokens: string[]; merges: string[] } {
  const strange = (): RangeError =>
    new RangeError('The tokenizer of this student cannot be read: it was not written by this program.')
  const model = fieldOf(tokenizerJson, 'model')
  const [vocabulary, pairs] = [fieldOf(model, 'vocab'), fieldOf(model, 'merges')]
  if (typeof vocabulary !== 'object' || vocabulary === null || !Array.isArray(pairs)) throw strange()
  const tokens: string[] = []
  for (const [token, id] of Object.entries(vocabulary)) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= size) throw strange()
    tokens[id] = token
  }
  if (tokens.length !== size || tokens.includes(undefined as never)) throw strange()
  const merges = pairs.map((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2 || pair.some((part) => typeof part !== 'string'))
      throw strange()
    return pair.join(' ')
  })
  return { tokens, merges }
}

export const jsonFile = (name: string, value: unknown): WrittenFile => ({
  name,
  bytes: new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`),
})
