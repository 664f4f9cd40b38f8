// Knows: what a model said at each token that it wrote: how likely that token was, which were the likeliest, and what is left for all others.
import { argMax, pickLargest, sumExp } from './logits.ts'

/** For each written token, natural logarithms of probabilities before any temperature, penalty or cut. */
export interface TokenLogProbs {
  /** k: tokens listed for each place. */
  readonly choices: number
  /** Of the written tokens: [tokens]. */
  readonly written: Float32Array
  /** The k likeliest at each place, the likeliest first: [tokens, k]. */
  readonly ids: Uint32Array
  /** Theirs: [tokens, k]. */
  readonly listed: Float32Array
  /** Probability of all that are not listed together: [tokens]. */
  readonly rest: Float32Array
}

/** Places that a record has room for at first. */
const FIRST = 32

/** Collects the log-probabilities of one completion. `look` before the logits are changed, `keep` once the token is known. */
export class LogProbRecord {
  readonly #choices: number
  #count = 0
  #written = new Float32Array(FIRST)
  #rest = new Float32Array(FIRST)
  #ids: Uint32Array
  #listed: Float32Array
  /** Logarithm of the sum of exponentials of the logits last looked at. */
  #total = 0

  /** `choices`: k, bounded by the vocabulary. */
  constructor(choices: number) {
    this.#choices = choices
    this.#ids = new Uint32Array(FIRST * choices)
    this.#listed = new Float32Array(FIRST * choices)
  }

  /** Reads the distribution of the next place from `logits[from, from + vocabulary)`. */
  look(logits: Float32Array, from: number, vocabulary: number): void {
    this.#makeRoom()
    const [to, choices, count] = [from + vocabulary, this.#choices, this.#count]
    const top = logits[from + argMax(logits, from, to)] ?? 0
    this.#total = top + Math.log(sumExp(logits, from, to, top, 1))
    let mass = 0
    pickLargest(logits, from, to, choices).forEach((id, i) => {
      const logProb = (logits[from + id] ?? 0) - this.#total
      mass += Math.exp(logProb)
      this.#ids[count * choices + i] = id
      this.#listed[count * choices + i] = logProb
    })
    this.#rest[count] = Math.max(0, 1 - mass)
  }

  /** Keeps the place last looked at: its token had this logit then. */
  keep(logit: number): void {
    this.#written[this.#count++] = logit - this.#total
  }

  finish(): TokenLogProbs {
    const [count, choices] = [this.#count, this.#choices]
    return {
      choices,
      written: this.#written.slice(0, count),
      ids: this.#ids.slice(0, count * choices),
      listed: this.#listed.slice(0, count * choices),
      rest: this.#rest.slice(0, count),
    }
  }

  #makeRoom(): void {
    if (this.#count < this.#written.length) return
    const twice = <A extends Float32Array | Uint32Array>(old: A, next: A): A => {
      next.set(old)
      return next
    }
    this.#written = twice(this.#written, new Float32Array(this.#written.length * 2))
    this.#rest = twice(this.#rest, new Float32Array(this.#rest.length * 2))
    this.#ids = twice(this.#ids, new Uint32Array(this.#ids.length * 2))
    this.#listed = twice(this.#listed, new Float32Array(this.#listed.length * 2))
  }
}
