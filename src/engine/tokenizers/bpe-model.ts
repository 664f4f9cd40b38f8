// Knows: byte pair encoding by a list of merges, as the `tokenizers` library carries it out: on ids, the earliest merge first.
// Must not know: files, special tokens, how texts are cut.
// Written here since the package keeps merges under texts of theirs: half a million of them (Gemma) took seconds to build.
import { joinNeighbours } from './join-neighbours.ts'

export interface BpeParts {
  readonly idOf: ReadonlyMap<string, number>
  readonly merges: readonly (readonly [string, string])[]
  /** Stands for characters that cannot be said; undefined leaves them out. */
  readonly unknown: string | undefined
  /** A run of unknown characters is one token. */
  readonly fusesUnknown: boolean
  /** Characters that are no tokens are written as their bytes, "<0xAB>". */
  readonly byteFallback: boolean
  /** A piece that is a token as a whole is taken as it is. */
  readonly ignoreMerges: boolean
}

/** Pairs are one number, left · 2^22 + right: ids are below 4 million. */
const RADIX = 2 ** 22
/** Pieces whose ids are remembered, and the longest of them: words come again and again. */
const MAX_REMEMBERED = 10_000
const MAX_WORD = 64

const encoder = new TextEncoder()

/** Ids of a piece of normalised text. Merges whose parts or whole are no tokens are passed over. */
export function makeBpe({ idOf, merges, unknown, fusesUnknown, byteFallback, ignoreMerges }: BpeParts): (piece: string) => readonly number[] {
  const ranks = new Map<number, number>()
  const wholes = new Int32Array(merges.length)
  for (const [rank, [left, right]] of merges.entries()) {
    const [a, b, whole] = [idOf.get(left), idOf.get(right), idOf.get(left + right)]
    if (a === undefined || b === undefined || whole === undefined) continue
    ranks.set(a * RADIX + b, rank)
    wholes[rank] = whole
  }
  const unknownId = unknown === undefined ? undefined : idOf.get(unknown)
  const bytes = byteFallback ? Array.from({ length: 256 }, (_, byte) => idOf.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)) : []

  const spell = (piece: string): number[] => {
    const ids: number[] = []
    let wasUnknown = false
    for (const character of piece) {
      const id = idOf.get(character)
      const fallen = id === undefined && byteFallback ? Array.from(encoder.encode(character), (byte) => bytes[byte]) : [id]
      const known = fallen.every((one) => one !== undefined)
      if (known) ids.push(...fallen)
      else if (unknownId !== undefined && !(wasUnknown && fusesUnknown)) ids.push(unknownId)
      wasUnknown = !known
    }
    return ids
  }
  const merge = (piece: string): readonly number[] => {
    const whole = ignoreMerges ? idOf.get(piece) : undefined
    if (whole !== undefined) return [whole]
    const ids = spell(piece)
    const after = joinNeighbours(
      ids.length,
      (left, right) => {
        const rank = ranks.get((ids[left] as number) * RADIX + (ids[right] as number))
        return rank === undefined ? undefined : { priority: -rank, mark: wholes[rank] as number }
      },
      (left, right, whole) => {
        const rank = ranks.get((ids[left] as number) * RADIX + (ids[right] as number))
        if (rank === undefined || wholes[rank] !== whole) return false
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
