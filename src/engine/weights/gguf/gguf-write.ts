// Knows: how a GGUF file (version 3, little-endian) is written: what readGgufHeader reads.
// Must not know: what the keys mean (exports/student-files.ts).
import { findGgufTypeId } from './gguf-types.ts'

/** A value to write, with the kind that readers of the key expect. */
export type WrittenValue =
  | { readonly kind: 'u32' | 'i32' | 'f32' | 'u64'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'texts'; readonly value: readonly string[] }
  | { readonly kind: 'i32s' | 'f32s'; readonly value: readonly number[] }
  /** Copied from another file: the number of its kind and the bytes after it. */
  | { readonly kind: 'raw'; readonly type: number; readonly value: Uint8Array }

export interface WrittenTensor {
  readonly name: string
  /** ggml's name of the type, such as `F32`. */
  readonly type: string
  /** In ggml's order, the contiguous dimension first. */
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

const ALIGNMENT = 32
const KIND_IDS = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, u64: 10 } as const
const ARRAY = 9

/** A tensor as a header lists it. */
export interface ListedTensor extends Pick<WrittenTensor, 'name' | 'type' | 'shape'> {
  /** Offset after the header, a multiple of the alignment. */
  readonly offset: number
}

/** The whole file. Throws a RangeError for a type that ggml does not have. */
export function writeGguf(
  metadata: ReadonlyMap<string, WrittenValue>,
  tensors: readonly WrittenTensor[],
): Uint8Array<ArrayBuffer> {
  let end = 0
  const listed = tensors.map(({ bytes, ...tensor }): ListedTensor => {
    const offset = end
    end = align(offset + bytes.length)
    return { ...tensor, offset }
  })
  const header = writeGgufHeader(metadata, listed)
  const file = new Uint8Array(header.length + end)
  file.set(header)
  for (const [i, { bytes }] of tensors.entries())
    file.set(bytes, header.length + (listed[i] as ListedTensor).offset)
  return file
}

/**
 * The bytes before the tensors, padded so that these can follow; an alignment other than 32 must be in the metadata
 * too. Throws a RangeError for a type that ggml does not have.
 */
export function writeGgufHeader(
  metadata: ReadonlyMap<string, WrittenValue>,
  tensors: readonly ListedTensor[],
  alignment = ALIGNMENT,
): Uint8Array<ArrayBuffer> {
  const header = new ByteWriter()
  header.raw(Uint8Array.of(0x47, 0x47, 0x55, 0x46)) // GGUF
  header.u32(3)
  header.u64(tensors.length)
  header.u64(metadata.size)
  for (const [key, value] of metadata) {
    header.text(key)
    writeValue(header, value)
  }
  for (const { name, type, shape, offset } of tensors) {
    const id = findGgufTypeId(type)
    if (id === undefined) throw new RangeError(`ggml has no tensor type ${type}.`)
    header.text(name)
    header.u32(shape.length)
    for (const size of shape) header.u64(size)
    header.u32(id)
    header.u64(offset)
  }
  const bytes = new Uint8Array(align(header.length, alignment))
  header.copyTo(bytes)
  return bytes
}

const align = (at: number, to = ALIGNMENT): number => Math.ceil(at / to) * to

function writeValue(out: ByteWriter, written: WrittenValue): void {
  const { kind } = written
  switch (kind) {
    case 'texts':
      out.u32(ARRAY)
      out.u32(KIND_IDS.text)
      out.u64(written.value.length)
      for (const text of written.value) out.text(text)
      return
    case 'i32s':
    case 'f32s': {
      const item = kind === 'i32s' ? 'i32' : 'f32'
      out.u32(ARRAY)
      out.u32(KIND_IDS[item])
      out.u64(written.value.length)
      for (const value of written.value) out[item](value)
      return
    }
    case 'raw':
      out.u32(written.type)
      out.raw(written.value)
      return
    case 'bool':
      out.u32(KIND_IDS.bool)
      out.raw(Uint8Array.of(written.value ? 1 : 0))
      return
    case 'text':
      out.u32(KIND_IDS.text)
      out.text(written.value)
      return
    case 'u32':
    case 'i32':
    case 'f32':
    case 'u64':
      out.u32(KIND_IDS[kind])
      out[kind](written.value)
      return
    default:
      kind satisfies never
  }
}

/** A growing buffer; the header's vocabulary needs some hundred thousand small writes. */
class ByteWriter {
  #bytes = new Uint8Array(64 * 1024)
  #view = new DataView(this.#bytes.buffer)
  readonly #encoder = new TextEncoder()
  length = 0

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length) // first: it may replace the array
    this.#bytes.set(bytes, at)
  }
  text(text: string): void {
    const bytes = this.#encoder.encode(text)
    this.u64(bytes.length)
    this.raw(bytes)
  }
  u32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value, true)
  }
  i32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setInt32(at, value, true)
  }
  f32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setFloat32(at, value, true)
  }
  u64(value: number): void {
    const at = this.#reserve(8)
    this.#view.setBigUint64(at, BigInt(value), true)
  }
  copyTo(target: Uint8Array): void {
    target.set(this.#bytes.subarray(0, this.length))
  }

  #reserve(count: number): number {
    const at = this.length
    this.length += count
    if (this.length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.length, this.#bytes.length * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    return at
  }
}
