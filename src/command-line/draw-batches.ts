// Knows: how the corner shop's documents become batches: new ones are drawn for every step, so that a text repeats only by chance.
import { makeRng, type Rng } from '../domain/rng.ts'
import type { TextTokenizer } from '../engine/tokenizers/text-tokenizer.ts'
import { END_TOKEN, renderStudentChat } from '../engine/tokenizers/templates/student-template.ts'
import { makeBatch, positionsOf, type Batch, type PackedRow } from '../engine/training/packing.ts'
import type { Document } from '../pipeline/corner-shop/documents/document.ts'
import { drawDocument, isHeldOut, type Mix } from '../pipeline/corner-shop/documents/index.ts'

/** Number of lines of a step and tokens per line. */
export interface StepSize {
  readonly lines: number
  readonly length: number
  /** Verdicts or comparisons in one document. */
  readonly items: number
}

/** Most steps are short; every fifth has long documents, so that the whole context is trained. */
export const sizeOfStep = (step: number): StepSize =>
  step % 5 === 4 ? { lines: 8, length: 1024, items: 9 } : { lines: 16, length: 512, items: 2 }

/** Maximum number of documents that do not fit before a batch counts as full. */
const MAX_MISSES = 6

/** A document as a row of tokens: only the learned part counts in the loss. */
export function renderDocument(document: Document, tokenizer: TextTokenizer): PackedRow {
  if (document.kind === 'raw') {
    const prompt = tokenizer.encode(document.text.slice(0, document.learnFrom), { special: false })
    const end = tokenizer.idOf(END_TOKEN) ?? 0
    const tokens = [
      ...prompt,
      ...tokenizer.encode(document.text.slice(document.learnFrom), { special: false }),
      end,
    ]
    return { tokens: Int32Array.from(tokens), from: prompt.length - 1 }
  }
  const { ids, lossMask } = renderStudentChat(tokenizer, document.messages, document.learnFrom)
  const from = lossMask.indexOf(1) - 1
  const { times = 1 } = document
  return {
    tokens: Int32Array.from(ids),
    from,
    times: Uint8Array.from({ length: ids.length - 1 }, (_, i) => times * (lossMask[i + 1] ?? 0)),
  }
}

/** The batch of a step: the same seed and step give the same batch. Seeds start with `box` because the trained model used them. */
export function drawBatch(tokenizer: TextTokenizer, rngSeed: number, step: number, mix?: Mix): Batch {
  const size = sizeOfStep(step)
  return fillBatch(tokenizer, makeRng(`box/${rngSeed}/${step}`), size, mix)
}

export function fillBatch(
  tokenizer: TextTokenizer,
  rng: Rng,
  { lines, length, items }: StepSize,
  mix?: Mix,
): Batch {
  const filled: { rows: PackedRow[]; room: number }[] = Array.from({ length: lines }, () => ({
    rows: [],
    room: length,
  }))
  for (let misses = 0; misses < MAX_MISSES;) {
    const row = renderDocument(drawDocument(rng, { items, isHeldOut }, mix), tokenizer)
    const line = filled.find(({ room }) => room >= positionsOf(row))
    if (line === undefined) {
      misses++
      continue
    }
    line.rows.push(row)
    line.room -= positionsOf(row)
  }
  return makeBatch(
    filled.map(({ rows }) => rows),
    lines,
    length,
    { packs: true },
  )
}
