// Knows: how the corner shop's documents become batches: drawn anew for every step, so that no text is seen twice but by chance.
import { makeRng, type Rng } from '../domain/rng.ts'
import type { TextTokenizer } from '../engine/tokenizers/text-tokenizer.ts'
import { END_TOKEN, renderStudentChat } from '../engine/tokenizers/student-template.ts'
import { makeBatch, positionsOf, type Batch, type PackedRow } from '../engine/training/packing.ts'
import type { Document } from '../pipeline/corner-shop/documents/document.ts'
import { drawDocument, isHeldOut, type Mix } from '../pipeline/corner-shop/documents/index.ts'

/** Lines of a step and the tokens of each. */
export interface StepSize {
  readonly lines: number
  readonly length: number
  /** Verdicts or comparisons in one document. */
  readonly items: number
}

/** Most steps are short; every fifth has long documents, so that the whole context is learned. */
export const sizeOfStep = (step: number): StepSize =>
  step % 5 === 4 ? { lines: 8, length: 1024, items: 9 } : { lines: 16, length: 512, items: 2 }

/** Documents that are put aside because they do not fit, before a step is taken as full. */
const MISSES = 6

/** A document as a row of tokens: what is only read does not count. */
export function renderDocument(document: Document, tokenizer: TextTokenizer): PackedRow {
  if (document.kind === 'raw') {
    const read = tokenizer.encode(document.text.slice(0, document.learnFrom), { special: false })
    const end = tokenizer.idOf(END_TOKEN) ?? 0
    const tokens = [
      ...read,
      ...tokenizer.encode(document.text.slice(document.learnFrom), { special: false }),
      end,
    ]
    return { tokens: Int32Array.from(tokens), from: read.length - 1 }
  }
  const { ids, learned } = renderStudentChat(tokenizer, document.messages, document.learnFrom)
  const from = learned.indexOf(1) - 1
  const { times = 1 } = document
  return {
    tokens: Int32Array.from(ids),
    from,
    times: Uint8Array.from({ length: ids.length - 1 }, (_, i) => times * (learned[i + 1] ?? 0)),
  }
}

/** The batch of a step: the same name and step give the same batch. */
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
  const filled: { rows: PackedRow[]; left: number }[] = Array.from({ length: lines }, () => ({
    rows: [],
    left: length,
  }))
  for (let misses = 0; misses < MISSES;) {
    const row = renderDocument(drawDocument(rng, { items, isHeldOut }, mix), tokenizer)
    const line = filled.find(({ left }) => left >= positionsOf(row))
    if (line === undefined) {
      misses++
      continue
    }
    line.rows.push(row)
    line.left -= positionsOf(row)
  }
  return makeBatch(
    filled.map(({ rows }) => rows),
    lines,
    length,
    { packs: true },
  )
}
