// Knows: a growing list of texts whose state has a name, so that a decision against it can be found again.
import { hashOf } from '../../domain/hash.ts'

/** The pool at one moment. `texts` may grow afterwards; the first `size` of them are its contents. */
export interface PoolState {
  /** Names the contents: equal contents, added in the same groups, have equal digests. */
  readonly digest: string
  readonly texts: readonly string[]
  readonly size: number
}

/** Texts that later ones are compared with. Texts are only ever added. */
export class TextPool {
  readonly #texts: string[] = []
  #digest = hashOf(['pool'])

  /** Adds texts in their order; an empty list changes nothing. */
  add(texts: readonly string[]): void {
    if (texts.length === 0) return
    for (const text of texts) this.#texts.push(text)
    this.#digest = hashOf([this.#digest, texts])
  }

  get state(): PoolState {
    return { digest: this.#digest, texts: this.#texts, size: this.#texts.length }
  }
}
