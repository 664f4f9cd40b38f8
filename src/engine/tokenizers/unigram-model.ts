// Knows: how to encode pieces of text with the Unigram model of the `@huggingface/tokenizers` package.
// Must not know: files, special tokens.
import { Unigram } from '@huggingface/tokenizers'

export interface UnigramModel {
  /** Tokens by id with their log-probabilities. */
  readonly vocab: readonly (readonly [string, number])[]
  readonly unknownId: number | undefined
  readonly byteFallback: boolean
}

export function makeUnigram({
  vocab,
  unknownId,
  byteFallback,
}: UnigramModel): (piece: string) => readonly number[] {
  const model = new Unigram(
    { type: 'Unigram', vocab: vocab as [string, number][], unk_id: unknownId ?? null },
    '',
  )
  const bytes = Array.from({ length: 256 }, (_, byte) =>
    model.tokens_to_ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  )
  const writeUnknown = (run: string, ids: number[]): void => {
    if (run === '') return
    const fallback = byteFallback
      ? Array.from(new TextEncoder().encode(run), (byte) => bytes[byte])
      : [undefined]
    if (fallback.every((id) => id !== undefined)) ids.push(...fallback)
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
