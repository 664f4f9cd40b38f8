// Knows: SentencePiece's BPE: of all neighbours whose concatenation is a piece, the pair with the highest score
// merges first.
// Must not know: files, special tokens, spaces before a text (spm-tokenizer.ts).
// Source: SentencePiece (Kudo & Richardson 2018), which llama.cpp follows for `tokenizer.ggml.model: llama`.
// Scores are priorities here, not log-probabilities: they are never summed.
import { mergeNeighbours } from './merge-neighbours.ts'

export interface SpmPieces {
  /** Ids of the pieces that text can become: not control, unknown or byte tokens. A space is "▁" in them. */
  readonly idOf: ReadonlyMap<string, number>
  /** By id; pieces with higher scores merge earlier. */
  readonly scores: ArrayLike<number>
  /** Intermediate pieces on the way to longer ones; those left at the end are split again. */
  readonly unusedIds: ReadonlySet<number>
  /** 256 ids by byte, or undefined for a vocabulary that lacks some. */
  readonly byteIds: readonly number[] | undefined
  /** The token for text without any piece; −1 skips it. */
  readonly unknownId: number
}

const encoder = new TextEncoder()

export class SpmModel {
  readonly #pieces: SpmPieces
  readonly #longest: number

  constructor(pieces: SpmPieces) {
    this.#pieces = pieces
    let longest = 0
    for (const piece of pieces.idOf.keys()) longest = Math.max(longest, piece.length)
    this.#longest = longest
  }

  /** Ids of a text whose spaces are already "▁". O(n log n). */
  encode(text: string): number[] {
    const { idOf, scores, unusedIds } = this.#pieces
    const starts = startsOf(text)
    const count = starts.length - 1
    const ends = starts.slice(1)
    /** For unused pieces, which may be split again: the length of the left half. */
    const halves = new Map<string, number>()
    const after = mergeNeighbours(
      count,
      (left, right) => {
        const from = starts[left] as number
        const length = (ends[right] as number) - from
        if (length > this.#longest) return undefined
        const piece = text.slice(from, from + length)
        const id = idOf.get(piece)
        if (id === undefined) return undefined
        if (unusedIds.has(id)) halves.set(piece, (ends[left] as number) - from)
        return { priority: scores[id] ?? 0, mark: length }
      },
      (left, right, length) => {
        if ((ends[right] as number) - (starts[left] as number) !== length) return false
        ends[left] = ends[right] as number
        return true
      },
    )
    const ids: number[] = []
    for (let i = count > 0 ? 0 : -1; i >= 0; i = after[i] as number)
      this.#write(text.slice(starts[i], ends[i]), halves, ids)
    return ids
  }

  #write(piece: string, halves: ReadonlyMap<string, number>, ids: number[]): void {
    const { idOf, unusedIds, byteIds, unknownId } = this.#pieces
    const id = idOf.get(piece)
    const half = id !== undefined && unusedIds.has(id) ? halves.get(piece) : undefined
    if (half !== undefined) {
      this.#write(piece.slice(0, half), halves, ids)
      this.#write(piece.slice(half), halves, ids)
    } else if (id !== undefined) ids.push(id)
    else if (byteIds !== undefined)
      for (const byte of encoder.encode(piece)) ids.push(byteIds[byte] as number)
    // A run of text without pieces is one unknown token.
    else if (unknownId >= 0 && ids.at(-1) !== unknownId) ids.push(unknownId)
  }
}

/** Start of each character in UTF-16 units, and the end of the text. */
function startsOf(text: string): Int32Array {
  const starts = new Int32Array(text.length + 1)
  let count = 0
  for (let at = 0; at < text.length; at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1)
    starts[count++] = at
  starts[count] = text.length
  return starts.slice(0, count + 1)
}
