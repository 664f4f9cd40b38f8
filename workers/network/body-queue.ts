// Knows: how a response's body is read ahead, up to a bound, and passed on in pieces without copying them.
import type { BodyRead } from '../../src/protocol/network.ts'

/** Bytes that are read ahead of the other worker: enough for a fast connection, little next to a model. */
const MAX_AHEAD = 4 * 1024 * 1024

export interface BodyEnd {
  readonly onBytes: (count: number) => void
  /** Called once: the body ended, or failed with what the browser reported, or was cancelled. */
  readonly onEnd: (end: 'finished' | 'failed' | 'stopped') => void
}

export class BodyQueue {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #end: BodyEnd
  #pieces: Uint8Array<ArrayBuffer>[] = []
  #bytes = 0
  #outcome: 'finished' | 'failed' | 'stopped' | undefined
  #message = ''

  constructor(body: ReadableStream<Uint8Array>, end: BodyEnd) {
    this.#reader = body.getReader()
    this.#end = end
    void this.#pump()
  }

  /** Waits for the next pieces. Only one call at a time. */
  async next(): Promise<BodyRead> {
    while (this.#pieces.length === 0 && this.#outcome === undefined) await this.#change()
    if (this.#pieces.length === 0 && this.#outcome === 'failed') return { ok: false, message: this.#message }
    const pieces = this.#pieces
    this.#pieces = []
    this.#bytes = 0
    this.#notify()
    return { ok: true, pieces, done: this.#outcome !== undefined && this.#outcome !== 'failed' }
  }

  cancel(): void {
    this.#finish('stopped')
    this.#reader.cancel().catch(() => undefined)
  }

  async #pump(): Promise<void> {
    try {
      for (;;) {
        while (this.#bytes >= MAX_AHEAD && this.#outcome === undefined) await this.#change()
        if (this.#outcome !== undefined) return
        const { done, value } = await this.#reader.read()
        if (done) return this.#finish('finished')
        this.#pieces.push(ownBuffer(value))
        this.#bytes += value.byteLength
        this.#end.onBytes(value.byteLength)
        this.#notify()
      }
    } catch (thrown) {
      this.#message = thrown instanceof Error ? thrown.message : String(thrown)
      this.#finish('failed')
    }
  }

  #finish(outcome: 'finished' | 'failed' | 'stopped'): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    this.#end.onEnd(outcome)
    this.#notify()
  }

  #waiting: (() => void)[] = []
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
  #notify(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** The piece with a buffer of its own, which can be transferred. Browsers already return such pieces. */
const ownBuffer = (piece: Uint8Array): Uint8Array<ArrayBuffer> =>
  piece.buffer instanceof ArrayBuffer && piece.byteLength === piece.buffer.byteLength
    ? (piece as Uint8Array<ArrayBuffer>) // the line above
    : new Uint8Array(piece)
