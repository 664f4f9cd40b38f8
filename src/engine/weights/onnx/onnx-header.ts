// Knows: the description of the graph in an ONNX file: inputs, outputs, ops, and where its constants are; their values
// are skipped.
// Must not know: what a graph computes (onnx-decoder.ts), what a language model is.
// Format: onnx.proto3 of the onnx repository, ModelProto and the fields named below.
import { ProtoFile, ProtoRefusal } from './proto-file.ts'
import { quote } from '../quote.ts'
import type { ByteSource } from '../source.ts'

/** A size: a number, or the name of one that is known at run time. */
export type OnnxDim = number | string

export interface OnnxValue {
  readonly name: string
  /** TensorProto.DataType: 1 float, 7 int64, 9 bool, 10 float16 …; 0 if it is not a tensor. */
  readonly type: number
  readonly shape: readonly OnnxDim[]
}

export interface OnnxConstant {
  readonly name: string
  readonly type: number
  readonly shape: readonly number[]
  /** Absent if the bytes are in the graph's file. */
  readonly external?: { readonly location: string; readonly offset: number; readonly length?: number }
}

/** A node with packed weights: the number of weights, and the constants that contain them. */
export interface PackedWeights {
  readonly bits: number
  /** K · N of the matrix. */
  readonly elements: number
  readonly constants: readonly string[]
}

export interface OnnxHeader {
  /** Version of each opset; '' is ONNX's own. */
  readonly opsets: ReadonlyMap<string, number>
  /** Count of each op in the graph; those of other domains have names such as `com.microsoft.MatMulNBits`. */
  readonly ops: ReadonlyMap<string, number>
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  readonly constants: readonly OnnxConstant[]
  readonly packed: readonly PackedWeights[]
  /** Constants that are tables of positions and similar, not weights. */
  readonly tables: ReadonlySet<string>
}

export type OnnxHeaderResult =
  | { readonly kind: 'header'; readonly header: OnnxHeader }
  | { readonly kind: 'refused'; readonly sentence: string }

/** Exporters use module paths as names. */
const MAX_NAME = 4096
/** The largest graphs of language models have some ten thousand nodes. */
const MAX_NODES = 500_000
const MAX_CONSTANTS = 200_000
const MAX_VALUES = 4096
const MAX_DIMS = 16

/**
 * Reads the graph of a file, with the positions of the constants but not their values. Never throws for any contents.
 */
export async function readOnnxHeader(source: ByteSource): Promise<OnnxHeaderResult> {
  try {
    return { kind: 'header', header: await new Reader(source).model() }
  } catch (thrown) {
    if (thrown instanceof ProtoRefusal)
      return { kind: 'refused', sentence: `this is not a readable ONNX model: ${thrown.reason}.` }
    throw thrown
  }
}

class Reader {
  readonly #file: ProtoFile
  readonly #size: number
  readonly #opsets = new Map<string, number>()
  readonly #ops = new Map<string, number>()
  readonly #inputs: OnnxValue[] = []
  readonly #outputs: OnnxValue[] = []
  readonly #constants: OnnxConstant[] = []
  readonly #packed: PackedWeights[] = []
  readonly #tables = new Set<string>()
  #nodes = 0

  constructor(source: ByteSource) {
    this.#file = new ProtoFile(source)
    this.#size = source.size
  }

  async model(): Promise<OnnxHeader> {
    let graphs = 0
    await this.#each(this.#size, {
      7: async (outer) => {
        graphs++
        await this.#graph(outer)
      },
      8: (outer) => this.#opset(outer),
    })
    if (graphs !== 1) throw new ProtoRefusal('it has no graph')
    // Older exporters list constants among the inputs too.
    const known = new Set(this.#constants.map(({ name }) => name))
    return {
      opsets: this.#opsets,
      ops: this.#ops,
      inputs: this.#inputs.filter(({ name }) => !known.has(name)),
      outputs: this.#outputs,
      constants: this.#constants,
      packed: this.#packed,
      tables: this.#tables,
    }
  }

  /** Walks a message's fields up to `end`; those without a reader are skipped. A reader gets the end of the message. */
  async #each(
    end: number,
    readers: Readonly<Record<number, (outer: number, wire: number) => Promise<void>>>,
  ): Promise<void> {
    for (let field = await this.#file.field(end); field !== undefined; field = await this.#file.field(end)) {
      const read = readers[field.number]
      if (read === undefined) await this.#file.skip(field, end)
      else await read(end, field.wire)
    }
  }

  /** Like `#each`, for a message that starts here. */
  async #message(
    outer: number,
    readers: Readonly<Record<number, (outer: number, wire: number) => Promise<void>>>,
  ): Promise<void> {
    await this.#each(await this.#file.length(outer), readers)
  }

  async #opset(outer: number): Promise<void> {
    let [domain, version] = ['', 0]
    await this.#message(outer, {
      1: async (end) => void (domain = await this.#name(end)),
      2: async () => void (version = await this.#file.number()),
    })
    this.#opsets.set(domain, version)
  }

  async #graph(outer: number): Promise<void> {
    await this.#message(outer, {
      1: (end) => this.#node(end),
      5: (end) => this.#constant(end),
      11: async (end) => void this.#inputs.push(await this.#value(end)),
      12: async (end) => void this.#outputs.push(await this.#value(end)),
    })
  }

  async #node(outer: number): Promise<void> {
    if (++this.#nodes > MAX_NODES)
      throw new ProtoRefusal(`it has more than ${MAX_NODES.toLocaleString('en')} nodes`)
    let [type, domain] = ['', '']
    const inputs: string[] = []
    const numbers = new Map<string, number>()
    await this.#message(outer, {
      1: async (end) => {
        if (inputs.length >= MAX_VALUES) throw new ProtoRefusal('a node has too many inputs')
        inputs.push(await this.#name(end))
      },
      4: async (end) => void (type = await this.#name(end)),
      5: (end) => this.#attribute(end, numbers),
      7: async (end) => void (domain = await this.#name(end)),
    })
    const op = domain === '' || domain === 'ai.onnx' ? type : `${domain}.${type}`
    this.#ops.set(op, (this.#ops.get(op) ?? 0) + 1)
    if (type === 'MatMulNBits' || type === 'GatherBlockQuantized') {
      const bits = numbers.get('bits') ?? 4
      // A lookup node does not state the size of its table: it is in the shape of the table.
      this.#packed.push({
        bits,
        elements: (numbers.get('K') ?? 0) * (numbers.get('N') ?? 0),
        constants: type === 'MatMulNBits' ? inputs.slice(1) : inputs.filter((_, i) => i !== 1),
      })
    } else if (type === 'GroupQueryAttention' || type === 'RotaryEmbedding')
      for (const name of inputs.slice(1)) this.#tables.add(name)
  }

  async #attribute(outer: number, numbers: Map<string, number>): Promise<void> {
    let name = ''
    let value: number | undefined
    await this.#message(outer, {
      1: async (end) => void (name = await this.#name(end)),
      3: async () => void (value = await this.#sometimesNegative()),
    })
    if (value !== undefined) numbers.set(name, value)
  }

  /** The number of an attribute; negative ones (axes) are ignored. */
  async #sometimesNegative(): Promise<number | undefined> {
    const from = this.#file.at
    try {
      return await this.#file.number()
    } catch (thrown) {
      if (!(thrown instanceof ProtoRefusal)) throw thrown
      this.#file.at = from
      await this.#file.skipNumber()
      return undefined
    }
  }

  async #constant(outer: number): Promise<void> {
    if (this.#constants.length >= MAX_CONSTANTS)
      throw new ProtoRefusal(`it has more than ${MAX_CONSTANTS.toLocaleString('en')} constants`)
    const shape: number[] = []
    let [name, type, isExternal] = ['', 0, false]
    const fields = new Map<string, string>()
    await this.#message(outer, {
      1: async (end, wire) => {
        // Sizes are stored one by one or packed into one field.
        if (wire !== 2) shape.push(await this.#file.number())
        else
          for (const stop = await this.#file.length(end); this.#file.at < stop && shape.length <= MAX_DIMS;)
            shape.push(await this.#file.number())
        if (shape.length > MAX_DIMS) throw new ProtoRefusal('a constant has too many dimensions')
      },
      2: async () => void (type = await this.#file.number()),
      8: async (end) => void (name = await this.#name(end)),
      13: async (end) => {
        let [key, value] = ['', '']
        await this.#message(end, {
          1: async (inner) => void (key = await this.#name(inner)),
          2: async (inner) => void (value = await this.#name(inner)),
        })
        if (fields.size < 16) fields.set(key, value)
      },
      14: async () => void (isExternal = (await this.#file.number()) === 1),
    })
    this.#constants.push({
      name,
      type,
      shape,
      ...(isExternal ? { external: readExternal(name, fields) } : {}),
    })
  }

  async #value(outer: number): Promise<OnnxValue> {
    if (this.#inputs.length + this.#outputs.length >= 2 * MAX_VALUES)
      throw new ProtoRefusal('it has too many inputs and outputs')
    let [name, type] = ['', 0]
    const shape: OnnxDim[] = []
    const dim = (end: number): Promise<void> => {
      if (shape.length >= MAX_DIMS) throw new ProtoRefusal('an input has too many dimensions')
      shape.push('?')
      const put = (size: OnnxDim): void => void (shape[shape.length - 1] = size)
      return this.#message(end, {
        1: async () => put(await this.#file.number()),
        2: async (inner) => put(await this.#name(inner)),
      })
    }
    await this.#message(outer, {
      1: async (end) => void (name = await this.#name(end)),
      2: (end) =>
        this.#message(end, {
          1: (tensor) =>
            this.#message(tensor, {
              1: async () => void (type = await this.#file.number()),
              2: (sizes) => this.#message(sizes, { 1: dim }),
            }),
        }),
    })
    return { name, type, shape }
  }

  #name(outer: number): Promise<string> {
    return this.#file.text(outer, MAX_NAME)
  }
}

function readExternal(
  name: string,
  fields: ReadonlyMap<string, string>,
): NonNullable<OnnxConstant['external']> {
  const location = fields.get('location') ?? ''
  const whole = (key: string): number | undefined => {
    const value = fields.get(key)
    if (value === undefined || value === '') return undefined
    if (!/^\d{1,15}$/.test(value))
      throw new ProtoRefusal(`the ${key} of ${quote(name)} in its file is ${quote(value)}`)
    return Number(value)
  }
  if (location === '') throw new ProtoRefusal(`${quote(name)} is stored in another file without a name`)
  const length = whole('length')
  return { location, offset: whole('offset') ?? 0, ...(length === undefined ? {} : { length }) }
}
