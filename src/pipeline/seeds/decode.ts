// Knows: how bytes that come in pieces become text, and where exactly they stop being UTF-8.

export type Decoded =
  | { readonly ok: true; readonly text: string }
  | {
      readonly ok: false
      /** What could be read before the fault. */ readonly text: string
      readonly line: number
    }

/** UTF-8 in pieces; a byte order mark is passed over. After a fault nothing more is read. */
export class Utf8Decoder {
  #decoder = new TextDecoder('utf-8', { fatal: true })
  /** Bytes since the last whole line: a fault is looked for from there. */
  #open: Uint8Array = new Uint8Array(0)
  #lines = 0

  /** Text of the next bytes; `last` says that none follow. */
  decode(bytes: Uint8Array, last: boolean): Decoded {
    try {
      const text = this.#decoder.decode(bytes, { stream: !last })
      this.#lines += countBytes(bytes, 10)
      const end = bytes.lastIndexOf(10)
      this.#open = end < 0 ? joinBytes(this.#open, bytes) : bytes.slice(end + 1)
      if (this.#open.length > 4_000_000) this.#open = new Uint8Array(0) // one endless line: its place can be told without it
      return { ok: true, text }
    } catch {
      return this.#locate(bytes)
    }
  }

  /** Lines before the faulty one as text, and its number. Lines are cut at \n: no other UTF-8 byte looks like it. */
  #locate(bytes: Uint8Array): Decoded {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    let text = ''
    let line = this.#lines + 1
    let from = 0
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      const here =
        from === 0 ? joinBytes(this.#open, bytes.subarray(0, end + 1)) : bytes.subarray(from, end + 1)
      try {
        const whole = strict.decode(here)
        // What stood before this piece has been given already, but for bytes that waited for the rest of their character.
        text += from === 0 ? whole.slice(this.#given().length) : whole
      } catch {
        return { ok: false, text, line }
      }
      line += 1
      from = end + 1
    }
    return { ok: false, text, line }
  }

  /** The part of the open line that was already given out. */
  #given(): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#open, { stream: true })
  }
}

function joinBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}

const countBytes = (bytes: Uint8Array, wanted: number): number => {
  let count = 0
  for (const byte of bytes) if (byte === wanted) count += 1
  return count
}
