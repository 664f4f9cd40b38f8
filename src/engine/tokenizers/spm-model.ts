// Knows: SentencePiece's BPE: of all neighbours whose joint text is a piece, the pair with the highest score is joined first.
// Must not know: files, special tokens, where a space is put before a text (spm-tokenizer.ts).
// Source: SentencePiece (Kudo & Richardson 2018), which llama.cpp follows for `tokenizer.ggml.model: llama`. Scores are priorities
// here, not log-probabilities: no sum of them is ever taken.
import { joinNeighbours } from './join-neighbours.ts'

export interface SpmPieces {
  /** Pieces that text may become, with their ids: not control, unknown or byte tokens. A space is "▁" in them. */
  readonly idOf: ReadonlyMap<string, number>
  /** By id; the higher, the earlier a piece is made. */
  readonly scores: ArrayLike<number>
  /** Pieces that may be made on the way to longer ones, but are taken apart again where they are left over. */
  readonly unusedIds: ReadonlySet<number>
  /** 256 ids by byte, or undefined for a vocabulary that lacks some. */
  readonly byteIds: readonly number[] | undefined
  /** Stands for a stretch that cannot be said at all; −1 leaves it out. */
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

  /** Ids of a text whose spaces are "▁" already. Time grows with n log n. */
  encode(text: string): number[] {
    const { idOf, scores, unusedIds } = this.#pieces
    const starts = startsOf(text)
    const count = starts.length - 1
    const ends = starts.slice(1)
    /** Of pieces that may have to be taken apart: the length of the left half. */
    const halves = new Map<string, number>()
    const after = joinNeighbours(
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
    // A run of what cannot be said is one unknown token.
    else if (unknownId >= 0 && ids.at(-1) !== unknownId) ids.push(unknownId)
  }
}

/** Where each character begins, in UTF-16 units, and the text's end. */
function startsOf(text: string): Int32Array {
  const starts = new Int32Array(text.length + 1)
  let count = 0
  for (let at = 0; at < text.length; at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1)
    starts[count++] = at
  starts[count] = text.length
  return starts.slice(0, count + 1)
}
