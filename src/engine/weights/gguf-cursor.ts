// Knows: how to read numbers, texts and values of a GGUF file without ever reading past what is there.
// Must not know: which keys and tensors a file should have.

import { quote } from './quote.ts'

/** A value of the metadata; 64-bit whole numbers too big for a double stay bigints. Arrays hold one kind of value. */
export type GgufValue = number | bigint | boolean | string | readonly GgufValue[]

/** Thrown inside the header's reader only, caught there: more of the file's beginning is needed. */
export class NeedMore {
  readonly bytes: number
  constructor(bytes: number) {
    this.bytes = bytes
  }
}
/** Thrown inside the header's reader only, caught there: the file cannot be used, and why. */
export class Refusal {
  readonly why: string
  constructor(why: string) {
    this.why = why
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
  readonly #decoder = new TextDecoder()

  /** `bytes` is the beginning of a file of `fileBytes` bytes. */
  constructor(bytes: Uint8Array, fileBytes: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#fileBytes = fileBytes
  }

  /** Steps over `count` bytes and returns where they began. */
  take(count: number): number {
    const from = this.at
    const to = from + count
    if (to > this.#fileBytes)
      throw new Refusal(
        `it ends in the middle of its header: byte ${to.toLocaleString('en')} is needed and it has ${this.#fileBytes.toLocaleString('en')}. It was probably cut while it was downloaded or copied`,
      )
    if (to > this.#bytes.length) throw new NeedMore(to)
    this.at = to
    return from
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), true)
  }

  /** A count or length: refused when it is more than `most`, before anything is made of it. */
  count(what: string, most: number): number {
    const value = this.#view.getBigUint64(this.take(8), true)
    if (value > BigInt(most))
      throw new Refusal(`it says that ${what} is ${value}; at most ${most.toLocaleString('en')} is read`)
    return Number(value)
  }

  text(what: string, most = MAX_TEXT): string {
    const length = this.count(`the length of ${what}`, most)
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
        throw new Refusal(`${quote(key)} has a value of kind ${type}, and GGUF has kinds 0 to 12 only`)
    }
  }

  #array(key: string, depth: number): GgufValue[] {
    // No key that we know nests; two levels are read so that a stranger's key does not cost the file.
    if (depth > 1) throw new Refusal(`${quote(key)} is an array inside an array inside an array`)
    const type = this.u32()
    const count = this.count(`the number of items of ${quote(key)}`, MAX_ITEMS)
    const least = count * (SIZE_OF[type] ?? 0)
    if (this.at + least > this.#fileBytes)
      throw new Refusal(
        `${quote(key)} says that it has ${count.toLocaleString('en')} items, more than the file has bytes for`,
      )
    const items: GgufValue[] = []
    for (let i = 0; i < count; i++) items.push(this.value(type, key, depth + 1))
    return items
  }
}

const narrow = (value: bigint): number | bigint =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : value
