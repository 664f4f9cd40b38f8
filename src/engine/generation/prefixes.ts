// Knows: the beginnings that rows share: finding them, and keeping those that were computed while there is room.
import type { CachedModel, Prefix } from './cached-model.ts'

/** Shorter beginnings cost more to handle apart than to compute again. */
const SHORTEST = 16
/** Kept beginnings: a few rubrics with and without examples. More are of no use to a run, and a small model would keep hundreds. */
const KEPT = 8
/** Bytes of kept beginnings together; the one last asked for is kept whatever it takes. */
const ROOM = 128 * 2 ** 20

/** Items that two lists begin with alike. */
export function countCommon<T>(a: readonly T[], b: readonly T[]): number {
  const length = Math.min(a.length, b.length)
  let same = 0
  while (same < length && a[same] === b[same]) same++
  return same
}

/** Items that all lists begin with alike, while each keeps one of its own at least; 0 where there is no list. */
export function sharedLength<T>(lists: readonly (readonly T[])[]): number {
  const [first = []] = lists
  return Math.max(
    0,
    lists.reduce(
      (length, list) => Math.min(length, list.length - 1, countCommon(list, first)),
      first.length - 1,
    ),
  )
}

/** Tokens with which all the rows begin; every row keeps at least one token of its own. */
export function sharedBeginning(rows: readonly (readonly number[])[]): readonly number[] {
  const length = rows.length < 2 ? 0 : sharedLength(rows)
  return length < SHORTEST ? [] : (rows[0]?.slice(0, length) ?? [])
}

/**
 * For each row the beginning that it shares with some of the others, where that is a good deal longer than what all share (`common`
 * tokens), as rows under one of several rubrics do; undefined for a row that has none. Rows that are alike count once.
 */
export function branchBeginnings(
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
      const same = countCommon(last, next)
      if (same === last.length && same === next.length) continue
      if (same < common + SHORTEST) break
      group.push(next)
    }
    const beginning = sharedBeginning(group)
    if (beginning.length >= common + SHORTEST)
      for (const { row } of sorted.slice(from, to)) found[row] = beginning
    from = to
  }
  return found
}

function compare(a: readonly number[], b: readonly number[]): number {
  const same = countCommon(a, b)
  return same === a.length || same === b.length ? a.length - b.length : (a[same] ?? 0) - (b[same] ?? 0)
}

/** The prefixes of a model, computed when first asked for: each from the longest known one that it begins with. */
export class Prefixes {
  readonly #model: CachedModel
  readonly #room: number
  /** The one last asked for first. */
  #kept: Prefix[] = []

  constructor(model: CachedModel, room = ROOM) {
    this.#model = model
    this.#room = room
  }

  /**
   * The prefix of these tokens; `reused` tells how many of them did not have to be computed. It stays valid until the next `find`
   * that is not told to keep it.
   */
  async find(
    tokens: readonly number[],
    tick: (tokens: number) => Promise<void>,
    keep?: Prefix,
  ): Promise<{ prefix: Prefix; reused: number } | undefined> {
    if (tokens.length === 0) return undefined
    let base: { prefix: Prefix; tokens: number } | undefined
    for (const prefix of this.#kept) {
      const same = countCommon(prefix.tokens, tokens)
      if (same >= SHORTEST && same > (base?.tokens ?? 0)) base = { prefix, tokens: same }
    }
    const known =
      base !== undefined && base.tokens === tokens.length && base.prefix.tokens.length === tokens.length
        ? base.prefix
        : undefined
    const made = known === undefined ? await this.#model.makePrefix(tokens, tick, base) : undefined
    const prefix = known ?? made?.prefix
    if (prefix === undefined) return undefined
    this.#kept = [prefix, ...this.#kept.filter((other) => other !== prefix)]
    this.#makeRoom(keep)
    return { prefix, reused: made === undefined ? tokens.length : made.reused }
  }

  get bytes(): number {
    return this.#kept.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  clear(): void {
    for (const prefix of this.#kept) prefix.dispose()
    this.#kept = []
  }

  #makeRoom(keep: Prefix | undefined): void {
    let bytes = 0
    const going: Prefix[] = []
    for (const [i, prefix] of this.#kept.entries()) {
      if (i > 0 && prefix !== keep && (i >= KEPT || bytes + prefix.bytes > this.#room)) going.push(prefix)
      else bytes += prefix.bytes
    }
    this.#kept = this.#kept.filter((prefix) => !going.includes(prefix))
    for (const prefix of going) prefix.dispose()
  }
}
