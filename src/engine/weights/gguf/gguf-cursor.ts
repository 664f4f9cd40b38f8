// Knows: how to read numbers, texts and values of a GGUF file without reading past its end.
// Must not know: which keys and tensors a file should have.

import { quote } from '../quote.ts'

/**
 * A value of the metadata; 64-bit integers that are too large for a double stay bigints. Arrays have values of one
 * kind.
 */
export type GgufValue = number | bigint | boolean | string | readonly GgufValue[]

/** Thrown and caught in the header reader only: more bytes from the start of the file are needed. */
export class NeedMore {
  readonly bytes: number
  constructor(bytes: number) {
    this.bytes = bytes
  }
}
/** Thrown and caught in the header reader only: the file cannot be used, for this reason. */
export class Refusal {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

/** Longest text: a chat template or a licence in full; a token is a few bytes. */
const MAX_TEXT = 4 * 1024 * 1024
/** Longest array: the largest vocabularies have 262,144 tokens and about 515,000 merges. */
const MAX_ITEMS = 4_000_000

const SIZE_OF: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  8: 8,
  9: 12,
  10: 8,
  11: 8,
  12: 8,
}

export class GgufCursor {
  at = 0
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #fileBytes: number
  /** Texts are data: a token may begin with U+FEFF. */
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  /** `bytes` is the start of a file of `fileBytes` bytes. */
  constructor(bytes: Uint8Array, fileBytes: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#fileBytes = fileBytes
  }

  /** Skips `count` bytes and returns their offset. */
  take(count: number): number {
    const from = this.at
    const to = from + count
    if (to > this.#fileBytes)
      throw new Refusal(
        `it ends in its header: byte ${to.toLocaleString('en')} is needed and it has ${this.#fileBytes.toLocaleString('en')}. It was probably truncated when it was downloaded or copied`,
      )
    if (to > this.#bytes.length) throw new NeedMore(to)
    this.at = to
    return from
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), true)
  }

  /** A count or length; refused before use if it is above `max`. */
  count(what: string, max: number): number {
    const value = this.#view.getBigUint64(this.take(8), true)
    if (value > BigInt(max))
      throw new Refusal(`it claims that ${what} is ${value}; the limit is ${max.toLocaleString('en')}`)
    return Number(value)
  }

  text(what: string, max = MAX_TEXT): string {
    const length = this.count(`the length of ${what}`, max)
    const from = this.take(length)
    return this.#decoder.decode(this.#bytes.subarray(from, from + length))
  }

  value(type: number, key: string, depth = 0): GgufValue {
    switch (type) {
      case 0:
        return this.#view.getUint8(this.take(1))
      case 1:
        return this.#view.getInt8(this.take(1))
      case 2:
        return this.#view.getUint16(this.take(2), true)
      case 3:
        return this.#view.getInt16(this.take(2), true)
      case 4:
        return this.u32()
      case 5:
        return this.#view.getInt32(this.take(4), true)
      case 6:
        return this.#view.getFloat32(this.take(4), true)
      case 7:
        return this.#view.getUint8(this.take(1)) !== 0
      case 8:
        return this.text(`the value of ${quote(key)}`)
      case 9:
        return this.#array(key, depth)
      case 10:
        return narrow(this.#view.getBigUint64(this.take(8), true))
      case 11:
        return narrow(this.#view.getBigInt64(this.take(8), true))
      case 12:
        return this.#view.getFloat64(this.take(8), true)
      default:
        throw new Refusal(`${quote(key)} has a value of kind ${type}, and GGUF has only kinds 0 to 12`)
    }
  }

  #array(key: string, depth: number): GgufValue[] {
    // No known key nests; two levels are read so that an unknown key does not make the file unusable.
    if (depth > 1) throw new Refusal(`${quote(key)} is an array in an array in an array`)
    const type = this.u32()
    const count = this.count(`the number of items of ${quote(key)}`, MAX_ITEMS)
    const minBytes = count * (SIZE_OF[type] ?? 0)
    if (this.at + minBytes > this.#fileBytes)
      throw new Refusal(
        `${quote(key)} claims to have ${count.toLocaleString('en')} items, more than the file has bytes for`,
      )
    const items: GgufValue[] = []
    for (let i = 0; i < count; i++) items.push(this.value(type, key, depth + 1))
    return items
  }
}

const narrow = (value: bigint): number | bigint =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : value
