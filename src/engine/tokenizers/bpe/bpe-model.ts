// Knows: byte pair encoding by a list of merges, as in the `tokenizers` library: on ids, the earliest merge
// first.
// Must not know: files, special tokens, pre-tokenizers.
// Own implementation because the package stores merges under strings: half a million of them (Gemma) took
// seconds to build.
import { mergeNeighbours } from './merge-neighbours.ts'
import { PairTable } from './pair-table.ts'

export interface BpeOptions {
  readonly idOf: ReadonlyMap<string, number>
  /** In order of rank, three ids each: left, right, merged. */
  readonly merges: Int32Array
  /** The token for characters outside the vocabulary; undefined skips them. */
  readonly unknown: string | undefined
  /** A run of unknown characters becomes one token. */
  readonly fusesUnknown: boolean
  /** Characters without a token become byte tokens, "<0xAB>". */
  readonly byteFallback: boolean
  /** A piece that is a token is not merged. */
  readonly ignoreMerges: boolean
}

/** Max pieces in the cache and the longest of them: words repeat. */
const MAX_CACHED = 10_000
const MAX_CACHED_LENGTH = 64

const encoder = new TextEncoder()

/** Makes a function that encodes a piece of normalised text. */
export function makeBpe({
  idOf,
  merges,
  unknown,
  fusesUnknown,
  byteFallback,
  ignoreMerges,
}: BpeOptions): (piece: string) => readonly number[] {
  const ranks = new PairTable(merges.length / 3)
  for (let rank = 0; 3 * rank < merges.length; rank++)
    ranks.put(merges[3 * rank] as number, merges[3 * rank + 1] as number, rank)
  const unknownId = unknown === undefined ? undefined : idOf.get(unknown)
  const bytes = byteFallback
    ? Array.from({ length: 256 }, (_, byte) =>
        idOf.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
      )
    : []

  const toInitialIds = (piece: string): number[] => {
    const ids: number[] = []
    // As in the library, an unknown token waits for the next character with a token of its own: bytes come before it.
    let waiting = false
    const putUnknown = (): void => {
      if (waiting && unknownId !== undefined) ids.push(unknownId)
      waiting = false
    }
    for (const character of piece) {
      const id = idOf.get(character)
      if (id !== undefined) {
        putUnknown()
        ids.push(id)
        continue
      }
      const fallback = byteFallback ? Array.from(encoder.encode(character), (byte) => bytes[byte]) : []
      if (fallback.length > 0 && fallback.every((byte) => byte !== undefined)) ids.push(...fallback)
      else {
        if (!fusesUnknown) putUnknown()
        waiting = true
      }
    }
    putUnknown()
    return ids
  }
  const merge = (piece: string): readonly number[] => {
    const token = ignoreMerges ? idOf.get(piece) : undefined
    if (token !== undefined) return [token]
    const ids = toInitialIds(piece)
    const rankOf = (left: number, right: number): number | undefined =>
      ranks.get(ids[left] as number, ids[right] as number)
    const after = mergeNeighbours(
      ids.length,
      (left, right) => {
        const rank = rankOf(left, right)
        return rank === undefined ? undefined : { priority: -rank, mark: merges[3 * rank + 2] as number }
      },
      (left, right, whole) => {
        const rank = rankOf(left, right)
        if (rank === undefined || merges[3 * rank + 2] !== whole) return false
        ids[left] = whole
        return true
      },
    )
    const out: number[] = []
    for (let i = ids.length > 0 ? 0 : -1; i >= 0; i = after[i] as number) out.push(ids[i] as number)
    return out
  }

  const cache = new Map<string, readonly number[]>()
  return (piece) => {
    if (piece.length > MAX_CACHED_LENGTH) return merge(piece)
    let ids = cache.get(piece)
    if (ids === undefined) {
      ids = merge(piece)
      if (cache.size >= MAX_CACHED) cache.clear()
      cache.set(piece, ids)
    }
    return ids
  }
}
