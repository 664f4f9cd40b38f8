// Knows: how text comes out of tokens one at a time, when a character may be split over several of them.

/** Turns tokens' bytes into text as it becomes whole. */
export class TextStream {
  // A byte-order mark in the middle of a completion is a character like any other.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  /** Text that the bytes complete; characters that are still cut are kept back. */
  push(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true })
  }

  /** What was kept back, as replacement characters; the stream begins anew. */
  flush(): string {
    return this.#decoder.decode()
  }
}
