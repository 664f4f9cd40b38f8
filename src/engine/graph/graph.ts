// Knows: a graph of ops that is built at run time, and how it becomes an ONNX model.
// Must not know: which ops exist (ops/), models, sessions.
import {
  BYTES_PER_ELEMENT,
  writeOnnx,
  type Attributes,
  type DType,
  type ProtoInitialiser,
  type ProtoNode,
} from './onnx-proto.ts'
import { elementsOf, isStatic, mayBeEqual, type Dim } from './dims.ts'
import {
  GraphError,
  showType,
  type Composite,
  type CompositeDefinition,
  type GraphNode,
  type Inference,
  type OpDefinition,
} from './op.ts'

export type { Attributes, DType } from './onnx-proto.ts'
export type { Dim } from './dims.ts'

/** A tensor of the graph. Its name is its identity. */
export interface Value {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly Dim[]
}

/** A finished model. `external` has one virtual file per weight, in the form that a session expects. */
export interface OnnxModel {
  readonly bytes: Uint8Array
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[]
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
}

export type WeightData = Float32Array | Uint8Array | Uint16Array | Int32Array | BigInt64Array

interface Initialiser {
  readonly value: Value & { readonly shape: readonly number[] }
  readonly data: Uint8Array
  readonly external: boolean
  /** Contents of small integer constants, for shape rules. */
  readonly integers?: readonly number[]
}

/** Nodes and composites in the order in which they were made; the reverse pass walks it backwards. */
export type Step =
  | { readonly kind: 'node'; readonly node: GraphNode }
  | { readonly kind: 'composite'; readonly composite: Composite }

/**
 * A graph under construction. Values are immutable; the same op on the same inputs is created once; what no output
 * needs is left out of the model.
 */
export class Graph {
  readonly #inputs: Value[] = []
  readonly #outputs: { readonly name: string; readonly value: Value }[] = []
  readonly #initialisers = new Map<string, Initialiser>()
  readonly #constants = new Map<string, Value>()
  readonly #steps: Step[] = []
  readonly #producers = new Map<string, number>()
  readonly #made = new Map<string, readonly Value[]>()
  readonly #names = new Set<string>()
  /** Aliases of values: the outputs of a composite have names of their own, apart from those of its inner nodes. */
  readonly #aliases = new Map<string, string>()
  #counter = 0

  /** All steps so far, in topological order. */
  get steps(): readonly Step[] {
    return this.#steps
  }

  /** Index in `steps` of the step that produces the value; `undefined` for inputs and constants. */
  producerOf(value: Value): number | undefined {
    return this.#producers.get(value.name)
  }

  /** A tensor fed at run time. */
  input(name: string, dtype: DType, shape: readonly Dim[]): Value {
    this.#claim(name)
    const value: Value = { name, dtype, shape }
    this.#inputs.push(value)
    return value
  }

  /**
   * A small constant, stored inline, created once for equal contents. Throws a GraphError if data and shape do not
   * match.
   */
  constant(dtype: DType, shape: readonly number[], data: ArrayLike<number>): Value {
    if (data.length !== elementsOf(shape))
      throw new GraphError(
        `A constant of shape [${shape.join(', ')}] needs ${elementsOf(shape)} numbers, not ${data.length}.`,
      )
    const bytes = encode(dtype, data)
    const key = `${dtype}[${shape.join()}]${data.length <= 64 ? Array.from(data, (x) => (Object.is(x, -0) ? '-0' : x)).join() : `#${this.#counter}`}`
    const known = this.#constants.get(key)
    if (known) return known
    const name = this.#fresh('constant')
    const value = { name, dtype, shape }
    const integers = dtype === 'i64' || dtype === 'i32' ? { integers: Array.from(data) } : {}
    this.#initialisers.set(name, { value, data: bytes, external: false, ...integers })
    this.#constants.set(key, value)
    return value
  }

  /** A scalar constant of 32-bit float. */
  scalar(x: number): Value {
    return this.constant('f32', [], [x])
  }

  /** A one-dimensional int64 constant: shapes, axes, sizes. */
  integers(numbers: readonly number[]): Value {
    return this.constant('i64', [numbers.length], numbers)
  }

  /** A large constant in its own virtual file, with its name. `data` may be a view; it is not copied. */
  weight(name: string, dtype: DType, shape: readonly number[], data: WeightData): Value {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const expected = elementsOf(shape) * BYTES_PER_ELEMENT[dtype]
    if (bytes.length !== expected)
      throw new GraphError(
        `The weight ${name} of shape ${dtype}[${shape.join(', ')}] needs ${expected} bytes, not ${bytes.length}.`,
      )
    this.#claim(name)
    const value = { name, dtype, shape }
    this.#initialisers.set(name, { value, data: bytes, external: true })
    return value
  }

  /** Contents of a small integer constant of this graph; `undefined` for other values. */
  integersOf(value: Value): readonly number[] | undefined {
    return this.#initialisers.get(value.name)?.integers
  }

  /**
   * Applies an op; its shape rule returns the outputs' types. Returns the outputs that the op has (without optional
   * ones that its rule leaves out). Throws a GraphError with the op's name and shapes if they do not fit.
   */
  apply(op: OpDefinition, inputs: readonly (Value | null)[], attributes: Attributes = {}): Value[] {
    const key = `${op.domain ?? ''}.${op.type}(${inputs.map((value) => value?.name ?? '').join()})${JSON.stringify(attributes, (_, item: unknown) => (item instanceof Uint8Array ? Array.from(item).join() : item))}`
    const made = this.#made.get(key)
    if (made) return [...made]
    const name = this.#fresh(op.type)
    const types = op.infer(this.#inferenceOf(op, inputs, attributes))
    const outputs = types.map((type, i): Value | null =>
      type
        ? { name: i === 0 ? name : this.#claim(`${name}_${i}`), dtype: type.dtype, shape: type.shape }
        : null,
    )
    this.#steps.push({ kind: 'node', node: { op, name, inputs, outputs, attributes } })
    const present = outputs.filter((value): value is Value => value !== null)
    for (const value of present) this.#producers.set(value.name, this.#steps.length - 1)
    this.#made.set(key, present)
    return [...present]
  }

  /** Applies an op with one output. */
  apply1(op: OpDefinition, inputs: readonly (Value | null)[], attributes: Attributes = {}): Value {
    return this.apply(op, inputs, attributes)[0] as Value
  }

  /** Builds several nodes that the reverse pass treats as one, with their own gradient rule. */
  composite(definition: CompositeDefinition, inputs: readonly Value[]): Value[] {
    const { outputs: inner, saved } = definition.build(this, inputs)
    const outputs = inner.map((value): Value => {
      const name = this.#fresh(definition.name)
      this.#aliases.set(name, value.name)
      return { name, dtype: value.dtype, shape: value.shape }
    })
    this.#steps.push({ kind: 'composite', composite: { definition, inputs, outputs, saved } })
    for (const value of outputs) this.#producers.set(value.name, this.#steps.length - 1)
    return outputs
  }

  /** The same value with sizes that the caller knows better ('(P+S)' is 'T'). Throws if they cannot be equal. */
  assume(value: Value, shape: readonly Dim[]): Value {
    if (
      shape.length !== value.shape.length ||
      !shape.every((dim, i) => mayBeEqual(dim, value.shape[i] as Dim))
    ) {
      throw new GraphError(
        `${value.name} is ${showType(value)} and cannot have the shape [${shape.join(', ')}].`,
      )
    }
    return { ...value, shape }
  }

  /** Makes a value an output of the model under this name. */
  output(name: string, value: Value): void {
    this.#claim(name)
    this.#outputs.push({ name, value })
  }

  /** The model: what the outputs need and nothing else, ONNX ir 10, opset 21 and com.microsoft 1. */
  finish(): OnnxModel {
    const resolve = (value: Value): string => {
      let name = value.name
      for (let next = this.#aliases.get(name); next !== undefined; next = this.#aliases.get(name)) name = next
      return name
    }
    const nodes = this.#steps.flatMap((step) => (step.kind === 'node' ? [step.node] : []))
    const needed = new Set(this.#outputs.map(({ value }) => resolve(value)))
    const kept: GraphNode[] = []
    for (const node of nodes.toReversed()) {
      if (!node.outputs.some((value) => value && needed.has(value.name))) continue
      kept.push(node)
      for (const value of node.inputs) if (value) needed.add(resolve(value))
    }
    kept.reverse()
    const produced = new Set(
      kept.flatMap((node) => node.outputs.flatMap((value) => (value ? [value.name] : []))),
    )
    const renamed = new Map<string, string>()
    const copies: ProtoNode[] = []
    for (const { name, value } of this.#outputs) {
      const inner = resolve(value)
      if (produced.has(inner) && !renamed.has(inner)) renamed.set(inner, name)
      else
        copies.push({
          name: `${name}_copy`,
          type: 'Identity',
          domain: '',
          inputs: [renamed.get(inner) ?? inner],
          outputs: [name],
          attributes: {},
        })
    }
    const nameOf = (value: Value | null): string => {
      if (!value) return ''
      const inner = resolve(value)
      return renamed.get(inner) ?? inner
    }
    const protoNodes = kept.map(({ op, name, inputs, outputs, attributes }): ProtoNode => ({
      name,
      type: op.type,
      domain: op.domain ?? '',
      inputs: trimEmpty(inputs.map(nameOf)),
      outputs: trimEmpty(outputs.map(nameOf)),
      attributes,
    }))
    const used = [...this.#initialisers.values()].filter(({ value }) => needed.has(value.name))
    const outputs = this.#outputs.map(({ name, value }): Value => ({
      name,
      dtype: value.dtype,
      shape: value.shape,
    }))
    const initialisers = used.map(({ value, data, external }): ProtoInitialiser =>
      external ? { ...value, path: value.name, bytes: data.length } : { ...value, data },
    )
    return {
      bytes: writeOnnx({ nodes: [...protoNodes, ...copies], initialisers, inputs: this.#inputs, outputs }),
      external: used.flatMap(({ value, data, external }) => (external ? [{ path: value.name, data }] : [])),
      inputs: [...this.#inputs],
      outputs,
    }
  }

  #inferenceOf(op: OpDefinition, inputs: readonly (Value | null)[], attributes: Attributes): Inference {
    const refuse = (reason: string): never => {
      throw new GraphError(`${op.type} cannot take ${inputs.map(showType).join(', ')}: ${reason}`)
    }
    return {
      inputs,
      attributes,
      refuse,
      need: (index) => inputs[index] ?? refuse(`its input ${index} is missing.`),
      constant: (index) => {
        const value = inputs[index]
        return value ? this.integersOf(value) : undefined
      },
    }
  }

  #fresh(kind: string): string {
    return this.#claim(`${kind}_${this.#counter++}`)
  }

  #claim(name: string): string {
    if (this.#names.has(name)) throw new GraphError(`The graph has two values named ${name}.`)
    this.#names.add(name)
    return name
  }
}

/** Optional names at the end are left off; those in the middle stay as ''. */
function trimEmpty(names: string[]): string[] {
  let end = names.length
  while (end > 0 && names[end - 1] === '') end--
  return names.slice(0, end)
}

/** Numbers as little-endian bytes of their type (all machines that run a browser are little-endian). */
function encode(dtype: DType, data: ArrayLike<number>): Uint8Array {
  switch (dtype) {
    case 'f32':
      return new Uint8Array(Float32Array.from(data).buffer)
    case 'i32':
      return new Uint8Array(Int32Array.from(data).buffer)
    case 'i64':
      return new Uint8Array(BigInt64Array.from(Array.from(data, BigInt)).buffer)
    case 'u8':
      return Uint8Array.from(data)
    case 'bool':
      return Uint8Array.from(data, (x) => (x ? 1 : 0))
    case 'f16':
      throw new GraphError('A small f16 constant has no writer; use a weight with the bits as Uint16Array.')
    default:
      return dtype satisfies never
  }
}

/** The shape if all its sizes are numbers, else a GraphError that names the value. */
export function needStatic(value: Value, what: string): readonly number[] {
  if (!isStatic(value.shape))
    throw new GraphError(`${value.name} is ${showType(value)}; ${what} needs sizes that are numbers.`)
  return value.shape
}
