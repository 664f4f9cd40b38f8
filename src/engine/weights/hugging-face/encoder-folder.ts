// Knows: how a sentence encoder in a Hugging Face folder (BERT, as sentence-transformers stores it) is described and read.
// Must not know: where the files are, sessions.
import type {
  EncoderLinear,
  EncoderLinearName,
  EncoderNorm,
  EncoderShape,
  EncoderWeights,
} from '../../models/encoder.ts'
import { dequantise, requireQuant, toDense } from '../dequantise.ts'
import type { GgufTensor } from '../gguf/gguf-header.ts'
import { findQuant } from '../quants/index.ts'
import { quote, quoteValue } from '../quote.ts'
import type { ByteSource } from '../source.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'

/** How the vectors of a text's tokens become one: their mean, or that of the first token. */
export type Pooling = 'mean' | 'first'

export interface EncoderFolder {
  readonly shape: EncoderShape
  readonly pooling: Pooling
  /** Max tokens of a text. */
  readonly maxTokens: number
  readonly parameters: number
  readonly tensorTypes: Readonly<Record<string, number>>
  read(onProgress: (done: number, total: number) => void, signal: AbortSignal): Promise<EncoderWeights>
}

export interface EncoderFiles {
  /** Parsed config.json; modules.json, sentence_bert_config.json and the configuration of the pooling, if there are any. */
  readonly config: unknown
  readonly modules?: unknown
  readonly sentence?: unknown
  readonly pooling?: unknown
  readonly source: ByteSource
}

type Fields = Readonly<Record<string, unknown>>
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}

/** Whether a config.json is that of an encoder of this kind; the rest of it may still be refused. */
export const isEncoder = (config: unknown): boolean => fieldsOf(config)['model_type'] === 'bert'

/** The folder of the pooling's configuration, as modules.json names it. */
export function poolingPath(modules: unknown): string | undefined {
  const found = listModules(modules).find(({ kind }) => kind === 'Pooling')
  return found && /^[\w-]{1,100}$/.test(found.path) ? `${found.path}/config.json` : undefined
}

const listModules = (modules: unknown): readonly { readonly kind: string; readonly path: string }[] =>
  Array.isArray(modules)
    ? modules.slice(0, 100).map((one: unknown) => {
        const { type, path } = fieldsOf(one)
        return {
          kind: typeof type === 'string' ? (type.split('.').at(-1) ?? '') : '',
          path: typeof path === 'string' ? path : '',
        }
      })
    : []

type Described =
  | { readonly ok: true; readonly folder: EncoderFolder }
  | { readonly ok: false; readonly sentence: string }

const refuse = (reason: string): Described => ({
  ok: false,
  sentence: `This model cannot be used: ${reason}. Choose another one.`,
})

/** Sizes beyond those of any such model. */
const MAX_SIZE = 1_000_000
const MAX_LAYERS = 100

/** Describes an encoder without reading weights, or returns a sentence. Rejects only if the source cannot be read. */
export async function describeEncoder(files: EncoderFiles): Promise<Described> {
  const config = fieldsOf(files.config)
  const sizeOf = (name: string): number => {
    const value = config[name]
    return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_SIZE ? value : 0
  }
  const epsilon = config['layer_norm_eps']
  const shape: EncoderShape = {
    layers: sizeOf('num_hidden_layers'),
    width: sizeOf('hidden_size'),
    heads: sizeOf('num_attention_heads'),
    feedForward: sizeOf('intermediate_size'),
    vocabulary: sizeOf('vocab_size'),
    context: sizeOf('max_position_embeddings'),
    normEpsilon: typeof epsilon === 'number' && epsilon > 0 && epsilon < 1 ? epsilon : 1e-12,
  }
  const { layers, width, heads, feedForward, vocabulary, context } = shape
  if (
    [layers, width, heads, feedForward, vocabulary, context].includes(0) ||
    layers > MAX_LAYERS ||
    width % heads > 0
  )
    return refuse('the sizes in its config.json are missing or do not fit together')
  const act = config['hidden_act'] ?? 'gelu'
  if (act !== 'gelu') return refuse(`its activation ${quoteValue(act)} is not supported; “gelu” is`)
  const placing = config['position_embedding_type'] ?? 'absolute'
  if (placing !== 'absolute') return refuse(`its positions ${quoteValue(placing)} are not supported`)
  const other = listModules(files.modules).find(
    ({ kind }) => !['Transformer', 'Pooling', 'Normalize'].includes(kind),
  )
  if (other !== undefined)
    return refuse(`it has a part ${quote(other.kind)} after the encoder, which is not supported`)
  const pooling = poolingOf(files.pooling)
  if (pooling === undefined)
    return refuse('it combines the vectors of tokens in another way than by their mean or the first of them')
  const header = await readSafetensorsHeader(files.source)
  if (!header.ok) return header
  const prefix = header.tensors.has('bert.embeddings.word_embeddings.weight') ? 'bert.' : ''
  const needed = new Map<string, GgufTensor>()
  for (const [name, size] of listTensors(shape)) {
    const tensor = header.tensors.get(prefix + name)
    if (tensor === undefined) return refuse(`the tensor ${quote(name)} is missing`)
    if (tensor.shape.toReversed().join(' × ') !== size.join(' × '))
      return refuse(
        `the tensor ${quote(name)} is ${tensor.shape.toReversed().join(' × ')} and should be ${size.join(' × ')}`,
      )
    if (findQuant(tensor.type.name) === undefined)
      return refuse(
        `the tensor ${quote(name)} has the type ${quote(tensor.type.name)}, which is not supported`,
      )
    needed.set(name, tensor)
  }
  const tensorTypes: Record<string, number> = {}
  let parameters = 0
  for (const { type, shape: size } of needed.values()) {
    tensorTypes[type.name] = (tensorTypes[type.name] ?? 0) + 1
    parameters += size.reduce((product, one) => product * one, 1)
  }
  const limit = fieldsOf(files.sentence)['max_seq_length']
  const maxTokens = typeof limit === 'number' && limit >= 3 ? Math.min(Math.floor(limit), context) : context
  return {
    ok: true,
    folder: {
      shape,
      pooling,
      maxTokens,
      parameters,
      tensorTypes,
      read: (onProgress, signal) => readEncoder(shape, needed, files.source, onProgress, signal),
    },
  }
}

/** Without a configuration it is the mean, as in sentence-transformers. */
function poolingOf(config: unknown): Pooling | undefined {
  const fields = fieldsOf(config)
  const on = Object.entries(fields).flatMap(([name, value]) =>
    name.startsWith('pooling_mode_') && value === true ? [name.slice('pooling_mode_'.length)] : [],
  )
  const mode = fields['pooling_mode']
  const chosen = on.length === 0 && typeof mode === 'string' ? [mode] : on
  if (chosen.length === 0) return 'mean'
  if (chosen.length > 1) return undefined
  return chosen[0] === 'mean_tokens' || chosen[0] === 'mean'
    ? 'mean'
    : chosen[0] === 'cls_token' || chosen[0] === 'cls'
      ? 'first'
      : undefined
}

const LINEARS: Readonly<Record<EncoderLinearName, string>> = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  output: 'attention.output.dense',
  up: 'intermediate.dense',
  down: 'output.dense',
}
const NORMS = { attentionNorm: 'attention.output.LayerNorm', outputNorm: 'output.LayerNorm' } as const
const SEGMENTS = 'embeddings.token_type_embeddings.weight'

/** Every tensor that is read, with its sizes. */
function* listTensors(shape: EncoderShape): Generator<readonly [string, readonly number[]]> {
  const { layers, width, feedForward, vocabulary, context } = shape
  yield ['embeddings.word_embeddings.weight', [vocabulary, width]]
  yield ['embeddings.position_embeddings.weight', [context, width]]
  yield [SEGMENTS, [2, width]]
  yield* ['weight', 'bias'].map((part) => [`embeddings.LayerNorm.${part}`, [width]] as const)
  for (let i = 0; i < layers; i++) {
    for (const [name, stored] of Object.entries(LINEARS)) {
      const [rows, columns] =
        name === 'up' ? [feedForward, width] : name === 'down' ? [width, feedForward] : [width, width]
      yield [`encoder.layer.${i}.${stored}.weight`, [rows, columns]]
      yield [`encoder.layer.${i}.${stored}.bias`, [rows]]
    }
    for (const stored of Object.values(NORMS))
      yield* ['weight', 'bias'].map((part) => [`encoder.layer.${i}.${stored}.${part}`, [width]] as const)
  }
}

async function readEncoder(
  shape: EncoderShape,
  tensors: ReadonlyMap<string, GgufTensor>,
  source: ByteSource,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<EncoderWeights> {
  const total = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  const read = async (name: string): Promise<readonly [GgufTensor, Uint8Array]> => {
    const tensor = tensors.get(name)
    if (tensor === undefined) throw new TypeError(`the tensor ${name} was not listed`)
    signal.throwIfAborted()
    const bytes = await source.read(tensor.offset, tensor.offset + tensor.bytes)
    onProgress((done += tensor.bytes), total)
    return [tensor, bytes]
  }
  const floats = async (name: string): Promise<Float32Array> => dequantise(...(await read(name)))
  const norm = async (name: string): Promise<EncoderNorm> => ({
    gain: await floats(`${name}.weight`),
    bias: await floats(`${name}.bias`),
  })
  const linear = async (name: string): Promise<EncoderLinear> => {
    const [{ type, shape: size }, bytes] = await read(`${name}.weight`)
    const [columns = 0, rows = 0] = size
    const { data } = toDense([{ quant: requireQuant(type.name), bytes, columns, rows }])
    return { matrix: data, bias: await floats(`${name}.bias`) }
  }
  const positions = await floats('embeddings.position_embeddings.weight')
  const segments = await floats(SEGMENTS)
  for (let i = 0; i < positions.length; i++)
    positions[i] = (positions[i] ?? 0) + (segments[i % shape.width] ?? 0)
  const layers: EncoderWeights['layers'][number][] = []
  for (let i = 0; i < shape.layers; i++) {
    const at = `encoder.layer.${i}.`
    layers.push({
      linears: {
        query: await linear(at + LINEARS.query),
        key: await linear(at + LINEARS.key),
        value: await linear(at + LINEARS.value),
        output: await linear(at + LINEARS.output),
        up: await linear(at + LINEARS.up),
        down: await linear(at + LINEARS.down),
      },
      attentionNorm: await norm(at + NORMS.attentionNorm),
      outputNorm: await norm(at + NORMS.outputNorm),
    })
  }
  return {
    shape,
    words: await floats('embeddings.word_embeddings.weight'),
    positions,
    norm: await norm('embeddings.LayerNorm'),
    layers,
  }
}
