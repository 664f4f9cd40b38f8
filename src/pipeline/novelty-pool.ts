// Knows: a growing collection of texts and, for any text, the nearest of them by ROUGE-L. Exact: the index only skips comparisons
// that cannot change the result.
// Must not know: what the texts are.
import { dropped, kept, type FilterDecision, type Nearest } from '../domain/filter-decision.ts'
import { firstOf } from './cut-text.ts'
import { rougeOfTokens } from './rouge.ts'
import { tokensOf } from './words.ts'

/** Max words of a text that are compared; the rest is ignored, so that one huge text cannot stop the run. */
export const COMPARED_TOKENS = 1024

/** Nearest texts in a decision's evidence, as in the reference. */
const NEAREST_SHOWN = 10

/** Min number of texts compared, whatever their bound. */
const MIN_COMPARED = 64

export class NoveltyPool {
  readonly #texts: string[] = []
  readonly #tokens: Uint32Array[] = []
  readonly #ids = new Map<string, number>()
  /** For each token, the texts that contain it: text index and count, alternating. */
  readonly #postings: number[][] = []
  /** Tokens shared with each text, for the current query. */
  #shared = new Uint32Array(64)

  get size(): number {
    return this.#texts.length
  }

  /** Adds texts to the pool. */
  add(...texts: readonly string[]): void {
    for (const text of texts) {
      const tokens = Uint32Array.from(this.#tokensOf(text), (token) => this.#idOf(token))
      const at = this.#texts.push(text) - 1
      this.#tokens.push(tokens)
      for (const [id, count] of countTokens(tokens)) (this.#postings[id] ??= []).push(at, count)
    }
  }

  /**
   * The nearest texts with their ROUGE-L, best first, earlier first among equals; texts without a common word are left out.
   * Exact for every score above `exactAbove`. Below it, only the 64 texts that share the most words are compared: every score that
   * matters is found, and the nearest texts of a novel text are a good guess.
   */
  nearest(text: string, count: number, exactAbove = 0): Nearest[] {
    const words = this.#tokensOf(text)
    const unknown = this.#ids.size
    const unseen = new Map<string, number>() // words that no text of the pool contains
    const tokens = Uint32Array.from(
      words,
      (word) => this.#ids.get(word) ?? unknown + (unseen.get(word) ?? setNext(unseen, word)),
    )
    const touched = this.#countShared(tokens)
    // 2 × shared / (n + m) bounds ROUGE-L from above: in order of that bound, the search ends when no bound exceeds the worst score found.
    const bounds = touched.map((at) => ({
      at,
      bound: (2 * (this.#shared[at] as number)) / (tokens.length + (this.#tokens[at] as Uint32Array).length),
    }))
    for (const at of touched) this.#shared[at] = 0
    bounds.sort((a, b) => b.bound - a.bound || a.at - b.at)
    const best: { at: number; score: number }[] = []
    let compared = 0
    for (const { at, bound } of bounds) {
      const worst = best.length < count ? 0 : (best.at(-1)?.score ?? 0)
      if ((best.length >= count && bound < worst) || (compared >= MIN_COMPARED && bound <= exactAbove)) break
      compared += 1
      const score = rougeOfTokens(tokens, this.#tokens[at] as Uint32Array)
      best.push({ at, score })
      best.sort((a, b) => b.score - a.score || a.at - b.at)
      best.length = Math.min(best.length, count)
    }
    return best.map(({ at, score }) => ({ text: this.#texts[at] as string, score }))
  }

  /** Kept, or dropped with its nearest text if their ROUGE-L is above `threshold`. The evidence lists the ten nearest. */
  decide(text: string, threshold: number): FilterDecision {
    const near = this.nearest(text, NEAREST_SHOWN, threshold)
    const [first] = near
    const evidence = {
      'ROUGE-L': first?.score ?? 0,
      ...Object.fromEntries(
        near.map(({ text: other, score }, i) => [
          `nearest ${i + 1}`,
          `${score.toFixed(2)} ${firstOf(other, 160)}`,
        ]),
      ),
    }
    if (!first || first.score <= threshold) return kept(evidence)
    return dropped(
      `too similar to an earlier prompt: ROUGE-L ${first.score.toFixed(2)}, above ${threshold}`,
      evidence,
      { text: first.text, score: round(first.score) },
    )
  }

  /** Decisions on candidates in their order; each kept one joins the pool before the next is decided. */
  decideAll(candidates: readonly string[], threshold: number): FilterDecision[] {
    return candidates.map((candidate) => {
      const decision = this.decide(candidate, threshold)
      if (decision.kind === 'kept') this.add(candidate)
      return decision
    })
  }

  #tokensOf(text: string): string[] {
    return tokensOf(firstOf(text, COMPARED_TOKENS * 20)).slice(0, COMPARED_TOKENS)
  }

  #idOf(token: string): number {
    return this.#ids.get(token) ?? setNext(this.#ids, token)
  }

  /** Fills `#shared` with the size of the multiset intersection; returns the texts with a non-empty one. */
  #countShared(tokens: Uint32Array): number[] {
    if (this.#shared.length < this.#texts.length) this.#shared = new Uint32Array(2 * this.#texts.length)
    const touched: number[] = []
    for (const [id, count] of countTokens(tokens)) {
      const posting = this.#postings[id]
      if (!posting) continue
      for (let i = 0; i < posting.length; i += 2) {
        const at = posting[i] as number
        if (this.#shared[at] === 0) touched.push(at)
        this.#shared[at] = (this.#shared[at] as number) + Math.min(count, posting[i + 1] as number)
      }
    }
    return touched
  }
}

function setNext(ids: Map<string, number>, token: string): number {
  const next = ids.size
  ids.set(token, next)
  return next
}

function countTokens(tokens: Uint32Array): Map<number, number> {
  const counts = new Map<number, number>()
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1)
  return counts
}

const round = (score: number): number => Math.round(score * 1000) / 1000
