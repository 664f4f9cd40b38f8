// Knows: log-probabilities along a completion: of each generated token, of the most likely tokens at its
// position, and the remaining mass.
import { argMax, pickLargest, sumExp } from './logits.ts'

/**
 * For each generated token, natural logs of probabilities before temperature, repetition penalty and top-k,
 * top-p, min-p.
 */
export interface GeneratedLogProbs {
  /** k: tokens listed for each position. */
  readonly topK: number
  /** Log-probabilities of the generated tokens: [tokens]. */
  readonly chosen: Float32Array
  /** Ids of the k most likely tokens at each position, most likely first: [tokens, k]. */
  readonly topIds: Uint32Array
  /** Their log-probabilities: [tokens, k]. */
  readonly topLogProbs: Float32Array
  /** Remaining mass: the probability of all tokens not listed: [tokens]. */
  readonly restProbabilities: Float32Array
}

/** Initial capacity of a record, in positions. */
const INITIAL = 32

/**
 * Collects the log-probabilities of one completion. Call `readLogits` before the logits are changed and `add`
 * once the token is known.
 */
export class LogProbRecord {
  readonly #topK: number
  #count = 0
  #chosen = new Float32Array(INITIAL)
  #restProbabilities = new Float32Array(INITIAL)
  #topIds: Uint32Array
  #topLogProbs: Float32Array
  /** Log-sum-exp of the logits last read. */
  #total = 0

  /** `topK`: k, bounded by the vocabulary. */
  constructor(topK: number) {
    this.#topK = topK
    this.#topIds = new Uint32Array(INITIAL * topK)
    this.#topLogProbs = new Float32Array(INITIAL * topK)
  }

  /** Reads the distribution of the next position from `logits[from, from + vocabulary)`. */
  readLogits(logits: Float32Array, from: number, vocabulary: number): void {
    this.#ensureCapacity()
    const [to, topK, count] = [from + vocabulary, this.#topK, this.#count]
    const top = logits[from + argMax(logits, from, to)] ?? 0
    this.#total = top + Math.log(sumExp(logits, from, to, top, 1))
    let mass = 0
    pickLargest(logits, from, to, topK).forEach((id, i) => {
      const logProb = (logits[from + id] ?? 0) - this.#total
      mass += Math.exp(logProb)
      this.#topIds[count * topK + i] = id
      this.#topLogProbs[count * topK + i] = logProb
    })
    this.#restProbabilities[count] = Math.max(0, 1 - mass)
  }

  /** Adds the position last read: the chosen token had this logit. */
  add(logit: number): void {
    this.#chosen[this.#count++] = logit - this.#total
  }

  finish(): GeneratedLogProbs {
    const [count, topK] = [this.#count, this.#topK]
    return {
      topK,
      chosen: this.#chosen.slice(0, count),
      topIds: this.#topIds.slice(0, count * topK),
      topLogProbs: this.#topLogProbs.slice(0, count * topK),
      restProbabilities: this.#restProbabilities.slice(0, count),
    }
  }

  #ensureCapacity(): void {
    if (this.#count < this.#chosen.length) return
    const copyInto = <A extends Float32Array | Uint32Array>(old: A, next: A): A => {
      next.set(old)
      return next
    }
    this.#chosen = copyInto(this.#chosen, new Float32Array(this.#chosen.length * 2))
    this.#restProbabilities = copyInto(
      this.#restProbabilities,
      new Float32Array(this.#restProbabilities.length * 2),
    )
    this.#topIds = copyInto(this.#topIds, new Uint32Array(this.#topIds.length * 2))
    this.#topLogProbs = copyInto(this.#topLogProbs, new Float32Array(this.#topLogProbs.length * 2))
  }
}
