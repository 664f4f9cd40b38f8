// Knows: how to decode tokens to text one at a time, if a character can be split over several tokens.

/** Decodes tokens' bytes to text as soon as characters are complete. */
export class TextStream {
  // A byte-order mark in the middle of a completion is a normal character.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  /** Text that the bytes complete; incomplete characters are buffered. */
  push(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true })
  }

  /** The buffered bytes as replacement characters; resets the stream. */
  flush(): string {
    return this.#decoder.decode()
  }
}
