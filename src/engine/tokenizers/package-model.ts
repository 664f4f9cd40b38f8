// Knows: the models of the `@huggingface/tokenizers` package, BPE and Unigram, as pieces of text to ids.
// Must not know: files, special tokens.
import { BPE, Unigram } from '@huggingface/tokenizers'

/** Ids of one piece of normalised text. */
export type PieceModel = (piece: string) => number[]

export interface BpeModel {
  readonly vocab: Readonly<Record<string, number>>
  readonly merges: readonly (readonly [string, string])[]
  readonly unknown: string | undefined
  /** A run of unknown characters is one token. */
  readonly fusesUnknown: boolean
  /** Characters that are no tokens are written as their bytes. */
  readonly byteFallback: boolean
  readonly ignoreMerges: boolean
}

export function makeBpe({ vocab, merges, unknown, fusesUnknown, byteFallback, ignoreMerges }: BpeModel): PieceModel {
  // The package takes its merges as mutable pairs, which it only reads.
  const model = new BPE({ type: 'BPE', vocab: vocab as Record<string, number>, merges: merges as [string, string][], unk_token: unknown ?? null, fuse_unk: fusesUnknown, byte_fallback: byteFallback, ignore_merges: ignoreMerges })
  const unknownId = unknown === undefined ? undefined : model.tokens_to_ids.get(unknown)
  return (piece) => {
    const ids: number[] = []
    for (const token of model.encode([piece])) {
      const id = model.tokens_to_ids.get(token) ?? unknownId
      if (id !== undefined && !(fusesUnknown && id === unknownId && ids.at(-1) === id)) ids.push(id)
    }
    return ids
  }
}

export interface UnigramModel {
  /** Tokens by id with their log-probabilities. */
  readonly vocab: readonly (readonly [string, number])[]
  readonly unknownId: number | undefined
  readonly byteFallback: boolean
}

export function makeUnigram({ vocab, unknownId, byteFallback }: UnigramModel): PieceModel {
  const model = new Unigram({ type: 'Unigram', vocab: vocab as [string, number][], unk_id: unknownId ?? null }, '')
  const bytes = Array.from({ length: 256 }, (_, byte) => model.tokens_to_ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`))
  const writeUnknown = (run: string, ids: number[]): void => {
    if (run === '') return
    const fallen = byteFallback ? Array.from(new TextEncoder().encode(run), (byte) => bytes[byte]) : [undefined]
    if (fallen.every((id) => id !== undefined)) ids.push(...fallen)
    else if (unknownId !== undefined) ids.push(unknownId)
  }
  return (piece) => {
    const ids: number[] = []
    let run = ''
    for (const token of model.encode([piece])) {
      const id = model.tokens_to_ids.get(token)
      if (id === undefined) {
        run += token
        continue
      }
      writeUnknown(run, ids)
      run = ''
      ids.push(id)
    }
    writeUnknown(run, ids)
    return ids
  }
}
