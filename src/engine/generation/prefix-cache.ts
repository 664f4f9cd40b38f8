// Knows: prefixes that rows share: finding them, and caching computed ones within a memory limit.
import type { CachedModel, Prefix } from './cached-model.ts'

/** Shorter prefixes cost more to share than to compute again. */
const MIN_LENGTH = 16
/**
 * Max cached prefixes: a few rubrics with and without examples. A run does not need more, and a small model
 * would cache hundreds.
 */
const MAX_PREFIXES = 8
/** Max bytes of all cached prefixes; the most recent one stays even if it is larger. */
const MAX_BYTES = 128 * 2 ** 20

/** Length of the common prefix of two lists. */
export function commonPrefixLength<T>(a: readonly T[], b: readonly T[]): number {
  const length = Math.min(a.length, b.length)
  let same = 0
  while (same < length && a[same] === b[same]) same++
  return same
}

/** Length of the prefix that all lists share and that leaves at least one item of each; 0 if there is no list. */
export function sharedPrefixLength<T>(lists: readonly (readonly T[])[]): number {
  const [first = []] = lists
  return Math.max(
    0,
    lists.reduce(
      (length, list) => Math.min(length, list.length - 1, commonPrefixLength(list, first)),
      first.length - 1,
    ),
  )
}

/** The prefix that all rows share; every row has at least one more token. */
export function sharedPrefix(rows: readonly (readonly number[])[]): readonly number[] {
  const length = rows.length < 2 ? 0 : sharedPrefixLength(rows)
  return length < MIN_LENGTH ? [] : (rows[0]?.slice(0, length) ?? [])
}

/**
 * For each row the prefix that it shares with some other rows, if that is much longer than the `common` tokens
 * that all share, as for rows under one of several rubrics; undefined for a row that has none. Equal rows count
 * once.
 */
export function groupPrefixes(
  rows: readonly (readonly number[])[],
  common: number,
): (readonly number[] | undefined)[] {
  const sorted = rows.map((tokens, row) => ({ tokens, row })).toSorted((a, b) => compare(a.tokens, b.tokens))
  const found: (readonly number[] | undefined)[] = rows.map(() => undefined)
  for (let from = 0; from < sorted.length;) {
    const group = [sorted[from]?.tokens ?? []]
    let to = from + 1
    for (; to < sorted.length; to++) {
      const [last, next] = [group[group.length - 1] ?? [], sorted[to]?.tokens ?? []]
      const same = commonPrefixLength(last, next)
      if (same === last.length && same === next.length) continue
      if (same < common + MIN_LENGTH) break
      group.push(next)
    }
    const prefix = sharedPrefix(group)
    if (prefix.length >= common + MIN_LENGTH)
      for (const { row } of sorted.slice(from, to)) found[row] = prefix
    from = to
  }
  return found
}

function compare(a: readonly number[], b: readonly number[]): number {
  const same = commonPrefixLength(a, b)
  return same === a.length || same === b.length ? a.length - b.length : (a[same] ?? 0) - (b[same] ?? 0)
}

/** Computes a model's prefixes on first use, each from the longest cached one that it starts with, and caches them. */
export class PrefixCache {
  readonly #model: CachedModel
  readonly #maxBytes: number
  /** Most recently used first. */
  #prefixes: Prefix[] = []

  constructor(model: CachedModel, maxBytes = MAX_BYTES) {
    this.#model = model
    this.#maxBytes = maxBytes
  }

  /**
   * The prefix of these tokens; `reused` is the number of tokens that were not computed again. It stays valid
   * until the next `find` that does not pass it as `keep`.
   */
  async find(
    tokens: readonly number[],
    tick: (tokens: number) => Promise<void>,
    keep?: Prefix,
  ): Promise<{ prefix: Prefix; reused: number } | undefined> {
    if (tokens.length === 0) return undefined
    let base: { prefix: Prefix; tokens: number } | undefined
    for (const prefix of this.#prefixes) {
      const same = commonPrefixLength(prefix.tokens, tokens)
      if (same >= MIN_LENGTH && same > (base?.tokens ?? 0)) base = { prefix, tokens: same }
    }
    const known =
      base !== undefined && base.tokens === tokens.length && base.prefix.tokens.length === tokens.length
        ? base.prefix
        : undefined
    const made = known === undefined ? await this.#model.makePrefix(tokens, tick, base) : undefined
    const prefix = known ?? made?.prefix
    if (prefix === undefined) return undefined
    this.#prefixes = [prefix, ...this.#prefixes.filter((other) => other !== prefix)]
    this.#evict(keep)
    return { prefix, reused: made === undefined ? tokens.length : made.reused }
  }

  get bytes(): number {
    return this.#prefixes.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  clear(): void {
    for (const prefix of this.#prefixes) prefix.dispose()
    this.#prefixes = []
  }

  #evict(keep: Prefix | undefined): void {
    let bytes = 0
    const evicted: Prefix[] = []
    for (const [i, prefix] of this.#prefixes.entries()) {
      if (i > 0 && prefix !== keep && (i >= MAX_PREFIXES || bytes + prefix.bytes > this.#maxBytes))
        evicted.push(prefix)
      else bytes += prefix.bytes
    }
    this.#prefixes = this.#prefixes.filter((prefix) => !evicted.includes(prefix))
    for (const prefix of evicted) prefix.dispose()
  }
}
