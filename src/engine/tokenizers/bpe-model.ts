// Knows: byte pair encoding by a list of merges, as the `tokenizers` library carries it out: on ids, the earliest merge first.
// Must not know: files, special tokens, how texts are cut.
// Written here since the package keeps merges under texts of theirs: half a million of them (Gemma) took seconds to build.
import { joinNeighbours } from './join-neighbours.ts'
import { PairTable } from './pair-table.ts'

export interface BpeParts {
  readonly idOf: ReadonlyMap<string, number>
  /** In their order, each by three ids: left, right, and what they become. */
  readonly merges: Int32Array
  /** Stands for characters that cannot be said; undefined leaves them out. */
  readonly unknown: string | undefined
  /** A run of unknown characters is one token. */
  readonly fusesUnknown: boolean
  /** Characters that are no tokens are written as their bytes, "<0xAB>". */
  readonly byteFallback: boolean
  /** A piece that is a token as a whole is taken as it is. */
  readonly ignoreMerges: boolean
}

/** Pieces whose ids are remembered, and the longest of them: words come again and again. */
const MAX_REMEMBERED = 10_000
const MAX_WORD = 64

const encoder = new TextEncoder()

/** Gives the ids of a piece of normalised text. */
export function makeBpe({
  idOf,
  merges,
  unknown,
  fusesUnknown,
  byteFallback,
  ignoreMerges,
}: BpeParts): (piece: string) => readonly number[] {
  const ranks = new PairTable(merges.length / 3)
  for (let rank = 0; 3 * rank < merges.length; rank++)
    ranks.put(merges[3 * rank] as number, merges[3 * rank + 1] as number, rank)
  const unknownId = unknown === undefined ? undefined : idOf.get(unknown)
  const bytes = byteFallback
    ? Array.from({ length: 256 }, (_, byte) =>
        idOf.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
      )
    : []

  const spell = (piece: string): number[] => {
    const ids: number[] = []
    let wasUnknown = false
    for (const character of piece) {
      const id = idOf.get(character)
      const fallen =
        id === undefined && byteFallback ? Array.from(encoder.encode(character), (byte) => bytes[byte]) : [id]
      const known = fallen.every((one) => one !== undefined)
      if (known) ids.push(...fallen)
      else if (unknownId !== undefined && !(wasUnknown && fusesUnknown)) ids.push(unknownId)
      wasUnknown = !known
    }
    return ids
  }
  const merge = (piece: string): readonly number[] => {
    const token = ignoreMerges ? idOf.get(piece) : undefined
    if (token !== undefined) return [token]
    const ids = spell(piece)
    const rankOf = (left: number, right: number): number | undefined =>
      ranks.get(ids[left] as number, ids[right] as number)
    const after = joinNeighbours(
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

  const remembered = new Map<string, readonly number[]>()
  return (piece) => {
    if (piece.length > MAX_WORD) return merge(piece)
    let ids = remembered.get(piece)
    if (ids === undefined) {
      ids = merge(piece)
      if (remembered.size >= MAX_REMEMBERED) remembered.clear()
      remembered.set(piece, ids)
    }
    return ids
  }
}
