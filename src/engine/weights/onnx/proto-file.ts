// Knows: how protobuf's wire format is walked in a file of any size with only a window of it in memory.
// Must not know: what the fields mean (onnx-header.ts).
import type { ByteSource } from '../source.ts'

/** Thrown if the bytes are not protobuf or a length is implausible; caught by the header reader only. */
export class ProtoRefusal {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

/** Bytes read at a time: the fields between two weights are small. */
const WINDOW = 64 * 1024

const text = new TextDecoder('utf-8', { ignoreBOM: true }) // names are data

/** The tag of a field: its number and its wire type. */
export interface ProtoField {
  readonly number: number
  /** 0 a number, 1 eight bytes, 2 a length and that many bytes, 5 four bytes. */
  readonly wire: 0 | 1 | 2 | 5
}

export class ProtoFile {
  at = 0
  readonly #source: ByteSource
  #window: Uint8Array = new Uint8Array(0)
  #from = 0

  constructor(source: ByteSource) {
    this.#source = source
  }

  /** The next field of a message that ends at `end`; undefined at its end. */
  async field(end: number): Promise<ProtoField | undefined> {
    if (this.at === end) return undefined
    if (this.at > end) throw new ProtoRefusal('a field extends beyond its message')
    const tag = await this.number()
    const wire = tag & 7
    if (wire !== 0 && wire !== 1 && wire !== 2 && wire !== 5)
      throw new ProtoRefusal(`there is a field of kind ${wire} at byte ${this.at}`)
    return { number: tag >>> 3, wire }
  }

  /** A variable-length number of up to 2^53; larger ones and negative ones are refused. */
  async number(): Promise<number> {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      if (this.at < this.#from || this.at >= this.#from + this.#window.length) await this.#fill()
      const byte = this.#window[this.at++ - this.#from] ?? 0
      value += (byte & 127) * scale
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER)
          throw new ProtoRefusal(`a number before byte ${this.at} is too large`)
        return value
      }
      scale *= 128
    }
    throw new ProtoRefusal(`a number before byte ${this.at} does not end`)
  }

  /** The end of the message or bytes that start here, within `outer`. */
  async length(outer: number): Promise<number> {
    const count = await this.number()
    const end = this.at + count
    if (end > outer)
      throw new ProtoRefusal(
        `${count.toLocaleString('en')} bytes are announced at byte ${this.at.toLocaleString('en')}, more than there are`,
      )
    return end
  }

  async text(outer: number, max: number): Promise<string> {
    const end = await this.length(outer)
    if (end - this.at > max) throw new ProtoRefusal(`a name of ${end - this.at} bytes`)
    if (end > this.#from + this.#window.length || this.at < this.#from) await this.#fill()
    const bytes = this.#window.subarray(this.at - this.#from, end - this.#from)
    this.at = end
    return text.decode(bytes)
  }

  /** Skips the rest of a field. */
  async skip({ wire }: ProtoField, outer: number): Promise<void> {
    if (wire === 2) this.at = await this.length(outer)
    else if (wire === 0) await this.skipNumber()
    else this.at += wire === 1 ? 8 : 4
  }

  /** Skips a number of any size, including negative ones. */
  async skipNumber(): Promise<void> {
    for (let i = 0; i < 10; i++) {
      if (this.at < this.#from || this.at >= this.#from + this.#window.length) await this.#fill()
      if ((this.#window[this.at++ - this.#from] ?? 0) < 128) return
    }
    throw new ProtoRefusal(`a number before byte ${this.at} does not end`)
  }

  async #fill(): Promise<void> {
    if (this.at >= this.#source.size)
      throw new ProtoRefusal('it ends in a field: it was probably truncated when it was downloaded or copied')
    this.#from = this.at
    this.#window = await this.#source.read(this.at, Math.min(this.#source.size, this.at + WINDOW))
  }
}
