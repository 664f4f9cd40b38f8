// Knows: the beginnings that rows share: finding the longest one, and keeping the last few that were computed.
import type { CachedModel, Prefix } from './cached-model.ts'

/** Shorter beginnings cost more to handle apart than to compute again. */
const SHORTEST = 16
/** A call for a rubric and one for few-shot prompts may alternate. */
const KEPT = 2

/** Tokens with which all the rows begin; every row keeps at least one token of its own. */
export function sharedBeginning(rows: readonly (readonly number[])[]): readonly number[] {
  const [first] = rows
  if (first === undefined || rows.length < 2) return []
  let length = Math.min(...rows.map((row) => row.length)) - 1
  for (const row of rows) {
    let same = 0
    while (same < length && row[same] === first[same]) same++
    length = same
  }
  return length < SHORTEST ? [] : first.slice(0, length)
}

/** The last prefixes of a model, computed when first asked for. */
export class Prefixes {
  readonly #model: CachedModel
  #kept: Prefix[] = []

  constructor(model: CachedModel) {
    this.#model = model
  }

  /** The prefix of these tokens; `reused` says whether it was there. */
  async find(tokens: readonly number[], tick: (tokens: number) => Promise<void>): Promise<{ prefix: Prefix; reused: boolean } | undefined> {
    if (tokens.length === 0) return undefined
    const known = this.#kept.find((prefix) => prefix.tokens.length === tokens.length && prefix.tokens.every((token, i) => token === tokens[i]))
    const prefix = known ?? (await this.#model.makePrefix(tokens, tick))
    this.#kept = [prefix, ...this.#kept.filter((other) => other !== prefix)]
    for (const old of this.#kept.splice(KEPT)) old.dispose()
    return { prefix, reused: known !== undefined }
  }

  clear(): void {
    for (const prefix of this.#kept) prefix.dispose()
    this.#kept = []
  }
}
