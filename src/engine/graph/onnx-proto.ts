// Knows: the bytes of an ONNX model file (protobuf wire format, the fields of onnx.proto that are written here).
// Must not know: shape rules, gradients.
import type { Dim } from './dims.ts'

export type DType = 'f32' | 'f16' | 'i32' | 'i64' | 'bool' | 'u8'

const ELEMENT_TYPES: Readonly<Record<DType, number>> = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9, f16: 10 }
export const BYTES_PER_ELEMENT: Readonly<Record<DType, number>> = {
  f32: 4,
  u8: 1,
  i32: 4,
  i64: 8,
  bool: 1,
  f16: 2,
}

/** An inline tensor. `data` is little-endian, `elements × bytes per element` long. */
export interface ProtoTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: Uint8Array
}

/** Value of an attribute: a plain number is an integer, floats are wrapped. */
export type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly tensor: ProtoTensor }
export type Attributes = Readonly<Record<string, Attribute>>

export interface ProtoNode {
  readonly name: string
  readonly type: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
}
export interface ProtoValue {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly Dim[]
}
/** A constant of the model: its bytes inline, or in the external file `path`. */
export type ProtoInitialiser = ProtoValue & {
  readonly shape: readonly number[]
  readonly data?: Uint8Array
  readonly path?: string
  readonly bytes?: number
}

export interface ProtoModel {
  readonly nodes: readonly ProtoNode[]
  readonly initialisers: readonly ProtoInitialiser[]
  readonly inputs: readonly ProtoValue[]
  readonly outputs: readonly ProtoValue[]
}

const UTF8 = new TextEncoder()

/** Protobuf fields appended to one growing buffer. */
class ProtoWriter {
  #bytes = new Uint8Array(256)
  #length = 0

  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#length + more, 2 * this.#bytes.length))
    grown.set(this.take())
    this.#bytes = grown
  }

  #varint(value: number): void {
    this.#reserve(10)
    if (value >= 0 && value <= 0x7fffffff) {
      while (value > 127) {
        this.#bytes[this.#length++] = (value & 127) | 128
        value >>>= 7
      }
      this.#bytes[this.#length++] = value
      return
    }
    let left = BigInt.asUintN(64, BigInt(value)) // negative integers take ten bytes
    while (left > 127n) {
      this.#bytes[this.#length++] = Number(left & 127n) | 128
      left >>= 7n
    }
    this.#bytes[this.#length++] = Number(left)
  }

  int(field: number, value: number): void {
    this.#varint(field << 3)
    this.#varint(value)
  }

  float(field: number, value: number): void {
    this.#varint((field << 3) | 5)
    this.#reserve(4)
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true)
    this.#length += 4
  }

  bytes(field: number, data: Uint8Array): void {
    this.#varint((field << 3) | 2)
    this.#varint(data.length)
    this.#reserve(data.length)
    this.#bytes.set(data, this.#length)
    this.#length += data.length
  }

  text(field: number, text: string): void {
    this.bytes(field, UTF8.encode(text))
  }

  message(field: number, write: (inner: ProtoWriter) => void): void {
    const inner = new ProtoWriter()
    write(inner)
    this.bytes(field, inner.take())
  }
}

function writeTensor(w: ProtoWriter, { dtype, shape, data }: ProtoTensor, name?: string): void {
  for (const dim of shape) w.int(1, dim)
  w.int(2, ELEMENT_TYPES[dtype])
  if (name !== undefined) w.text(8, name)
  w.bytes(9, data)
}

function writeInitialiser(w: ProtoWriter, { name, dtype, shape, data, path, bytes }: ProtoInitialiser): void {
  if (data) return writeTensor(w, { dtype, shape, data }, name)
  for (const dim of shape) w.int(1, dim)
  w.int(2, ELEMENT_TYPES[dtype])
  w.text(8, name)
  for (const [key, value] of [
    ['location', path ?? name],
    ['offset', '0'],
    ['length', String(bytes ?? 0)],
  ] as const) {
    w.message(13, (entry) => {
      entry.text(1, key)
      entry.text(2, value)
    })
  }
  w.int(14, 1) // data_location: EXTERNAL
}

function writeValue(w: ProtoWriter, { name, dtype, shape }: ProtoValue): void {
  w.text(1, name)
  w.message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.int(1, ELEMENT_TYPES[dtype])
      tensor.message(2, (sizes) => {
        for (const dim of shape)
          sizes.message(1, (size) => (typeof dim === 'number' ? size.int(1, dim) : size.text(2, dim)))
      })
    }),
  )
}

function writeAttribute(w: ProtoWriter, name: string, value: Attribute): void {
  w.text(1, name)
  if (typeof value === 'number') {
    w.int(3, value)
    w.int(20, 2)
  } else if (typeof value === 'string') {
    w.text(4, value)
    w.int(20, 3)
  } else if ('float' in value) {
    w.float(2, value.float)
    w.int(20, 1)
  } else if ('tensor' in value) {
    w.message(5, (inner) => writeTensor(inner, value.tensor))
    w.int(20, 4)
  } else {
    for (const item of value) w.int(8, item)
    w.int(20, 7)
  }
}

function writeNode(w: ProtoWriter, node: ProtoNode): void {
  for (const name of node.inputs) w.text(1, name)
  for (const name of node.outputs) w.text(2, name)
  w.text(3, node.name)
  w.text(4, node.type)
  for (const [name, value] of Object.entries(node.attributes))
    w.message(5, (inner) => writeAttribute(inner, name, value))
  if (node.domain) w.text(7, node.domain)
}

/** The model as an ONNX file: ir 10, opset 21, com.microsoft 1. */
export function writeOnnx(model: ProtoModel): Uint8Array {
  const w = new ProtoWriter()
  w.int(1, 10)
  w.text(2, 'retort')
  for (const [domain, version] of [
    ['', 21],
    ['com.microsoft', 1],
  ] as const) {
    w.message(8, (opset) => {
      if (domain) opset.text(1, domain)
      opset.int(2, version)
    })
  }
  w.message(7, (graph) => {
    for (const node of model.nodes) graph.message(1, (inner) => writeNode(inner, node))
    graph.text(2, 'retort')
    for (const constant of model.initialisers) graph.message(5, (inner) => writeInitialiser(inner, constant))
    for (const input of model.inputs) graph.message(11, (inner) => writeValue(inner, input))
    for (const output of model.outputs) graph.message(12, (inner) => writeValue(inner, output))
  })
  return w.take().slice()
}
