// Knows: how bytes in pieces become text, and on which line they stop being UTF-8.

export type Decoded =
  | { readonly ok: true; readonly text: string }
  | {
      readonly ok: false
      /** The text before the invalid line. */ readonly text: string
      readonly line: number
    }

/** UTF-8 in pieces; a byte order mark is skipped. Nothing is read after the first invalid byte. */
export class Utf8Decoder {
  #decoder = new TextDecoder('utf-8', { fatal: true })
  /** Bytes since the last complete line: the search for an invalid byte starts there. */
  #open: Uint8Array = new Uint8Array(0)
  #lines = 0

  /** Text of the next bytes; `last` is true for the final ones. */
  decode(bytes: Uint8Array, last: boolean): Decoded {
    try {
      const text = this.#decoder.decode(bytes, { stream: !last })
      this.#lines += countBytes(bytes, 10)
      const end = bytes.lastIndexOf(10)
      this.#open = end < 0 ? joinBytes(this.#open, bytes) : bytes.slice(end + 1)
      if (this.#open.length > 4_000_000) this.#open = new Uint8Array(0) // one huge line: its number is known without it
      return { ok: true, text }
    } catch {
      return this.#locate(bytes)
    }
  }

  /** The lines before the invalid one as text, and its number. Lines are split at \n: no other UTF-8 sequence contains this byte. */
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
        // Text before this piece was returned already, except bytes of an incomplete character.
        text += from === 0 ? whole.slice(this.#returnedText().length) : whole
      } catch {
        return { ok: false, text, line }
      }
      line += 1
      from = end + 1
    }
    return { ok: false, text, line }
  }

  /** The part of the open line that was already returned. */
  #returnedText(): string {
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
