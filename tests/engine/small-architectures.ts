// Knows: the tiny models of tests/oracles/architectures.py, as files of both formats, from the same formula; in Node and in a page.
import { writeGguf, type WrittenTensor, type WrittenValue } from '../../src/engine/weights/gguf/gguf-write.ts'
import { writeSafetensors, type PlainTensor } from '../../src/engine/weights/hugging-face/safetensors.ts'
import { sourceFromBytes, type ByteSource } from '../../src/engine/weights/source.ts'
import saved from '../oracles/architectures.json'

export interface OracleText {
  readonly logSumExp: readonly number[]
  readonly meanSquare: readonly number[]
  readonly chosen: readonly (readonly number[])[]
}
export interface OracleModel {
  readonly config: Readonly<Record<string, unknown>>
  /** Tensors of the first layer and of no layer, with sizes in Hugging Face's order. */
  readonly tensors: Readonly<Record<string, readonly number[]>>
  readonly lessOne: boolean
  readonly ropeFactors?: readonly number[]
  readonly gguf?: {
    readonly metadata: Readonly<Record<string, readonly [kind: string, value: string | number]>>
    readonly names: Readonly<Record<string, string>>
  }
  readonly texts: readonly OracleText[]
}
export interface Oracle {
  readonly places: readonly number[]
  readonly texts: readonly (readonly number[])[]
  readonly models: Readonly<Record<string, OracleModel>>
}
export const oracle = saved as unknown as Oracle // a JSON import has the literal type of the file

/** A tensor's numbers in the oracle. */
function fill(name: string, shape: readonly number[], lessOne: boolean): Float32Array {
  let state = 2166136261
  for (const letter of new TextEncoder().encode(name)) state = Math.imul(state ^ letter, 16777619) >>> 0
  const norm = name.endsWith('norm.weight')
  const scale = norm
    ? 0.3
    : name.endsWith('.bias')
      ? 0.5
      : name.includes('embed_tokens')
        ? 1
        : 1.6 / Math.sqrt(shape[1] ?? 1)
  return Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 2147483648 - 1) * scale + (norm && !lessOne ? 1 : 0)
  })
}

const inLayer = (name: string, layer: number): string => name.replace(/(layers|blk)\.0\./, `$1.${layer}.`)

/** Every tensor, by Hugging Face's name. */
export function makeTensors({ tensors, config, lessOne }: OracleModel): Map<string, PlainTensor> {
  const all = new Map<string, PlainTensor>()
  for (let layer = 0; layer < Number(config['num_hidden_layers']); layer++) {
    for (const [first, shape] of Object.entries(tensors)) {
      const name = inLayer(first, layer)
      if (!all.has(name)) all.set(name, { shape, data: fill(name, shape, lessOne) })
    }
  }
  return all
}

export const makeSafetensors = (model: OracleModel): ByteSource =>
  sourceFromBytes('model.safetensors', writeSafetensors(makeTensors(model), { format: 'pt' }))

/** Rows of each head in pairs, the order of llama.cpp's converter for a Llama's queries and keys. */
function pairRows({ shape: [rows = 0, columns = 0], data }: PlainTensor, heads: number): Float32Array {
  const half = rows / heads / 2
  const out = new Float32Array(rows * columns)
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < half; i++) {
      for (const side of [0, 1]) {
        const from = (head * 2 + side) * half + i
        out.set(
          data.subarray(from * columns, (from + 1) * columns),
          (head * 2 * half + 2 * i + side) * columns,
        )
      }
    }
  }
  return out
}

/** How a tensor is stored: its type and bytes from its numbers. */
export type Store = (data: Float32Array, shape: readonly number[]) => Pick<WrittenTensor, 'type' | 'bytes'>
const bytesOf = (data: Float32Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
export const asFloats: Store = (data) => ({ type: 'F32', bytes: bytesOf(data) })

/** Matrices as Q8_0, with scales rounded to powers of two, which a half represents exactly. */
export const asEightBits: Store = (data, shape) => {
  if (shape.length < 2) return asFloats(data, shape)
  const bytes = new Uint8Array((data.length / 32) * 34)
  const view = new DataView(bytes.buffer)
  for (let block = 0; block < data.length / 32; block++) {
    const values = data.subarray(block * 32, (block + 1) * 32)
    const exponent = Math.ceil(Math.log2(Math.max(...values.map(Math.abs), 1e-4) / 127))
    view.setUint16(block * 34, (exponent + 15) << 10, true)
    for (const [i, value] of values.entries())
      view.setInt8(block * 34 + 2 + i, Math.round(value / 2 ** exponent))
  }
  return { type: 'Q8_0', bytes }
}
/** Matrices as Q4_1, likewise. */
export const asFourBits: Store = (data, shape) => {
  if (shape.length < 2) return asFloats(data, shape)
  const bytes = new Uint8Array((data.length / 32) * 20)
  const view = new DataView(bytes.buffer)
  for (let block = 0; block < data.length / 32; block++) {
    const values = data.subarray(block * 32, (block + 1) * 32)
    const exponent = Math.ceil(Math.log2(Math.max(...values.map(Math.abs), 1e-4) / 8))
    view.setUint16(block * 20, (exponent + 15) << 10, true)
    view.setUint16(block * 20 + 2, 0x8000 | ((exponent + 15 + 3) << 10), true) // minus eight steps
    for (let i = 0; i < 16; i++) {
      const level = (at: number): number =>
        Math.min(15, Math.max(0, Math.round((values[at] ?? 0) / 2 ** exponent + 8)))
      bytes[block * 20 + 4 + i] = level(i) | (level(i + 16) << 4)
    }
  }
  return { type: 'Q4_1', bytes }
}

const KINDS: Readonly<Record<string, 'u32' | 'f32'>> = { UINT32: 'u32', FLOAT32: 'f32' }

/** Metadata and tensors of the GGUF file that llama.cpp's converter creates from a model: names and keys are from the `gguf` package. */
export function convertToGguf(
  model: OracleModel,
  store: Store = asFloats,
): { metadata: Map<string, WrittenValue>; tensors: WrittenTensor[] } {
  const { gguf, config, ropeFactors } = model
  if (gguf === undefined) throw new RangeError('llama.cpp does not support this model')
  const metadata = new Map(
    Object.entries(gguf.metadata).map(([key, [kind, value]]): [string, WrittenValue] => [
      key,
      typeof value === 'string' ? { kind: 'text', value } : { kind: KINDS[kind] ?? 'f32', value },
    ]),
  )
  const architecture = String(gguf.metadata['general.architecture']?.[1])
  const heads = (name: string): number =>
    Number(config[name.includes('k_proj') ? 'num_key_value_heads' : 'num_attention_heads'])
  const tensors = [...makeTensors(model)].map(([name, tensor]): WrittenTensor => {
    const [, layer = '0'] = /layers\.(\d+)\./.exec(name) ?? []
    const to = gguf.names[name.replace(/layers\.\d+\./, 'layers.0.')] ?? ''
    const paired =
      ['llama', 'smollm3'].includes(architecture) && /[qk]_proj/.test(name)
        ? pairRows(tensor, heads(name))
        : tensor.data
    const data =
      architecture === 'gemma3' && name.endsWith('norm.weight') ? paired.map((gain) => gain + 1) : paired
    return {
      name: inLayer(to, Number(layer)),
      shape: tensor.shape.toReversed(),
      ...store(data, tensor.shape),
    }
  })
  const factors =
    ropeFactors === undefined
      ? []
      : [
          {
            name: 'rope_freqs.weight',
            shape: [ropeFactors.length],
            ...asFloats(Float32Array.from(ropeFactors), [ropeFactors.length]),
          },
        ]
  return { metadata, tensors: [...tensors, ...factors] }
}

export function makeGguf(model: OracleModel, store: Store = asFloats): ByteSource {
  const { metadata, tensors } = convertToGguf(model, store)
  return sourceFromBytes('model.gguf', writeGguf(metadata, tensors))
}
