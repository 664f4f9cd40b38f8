// Knows: how the rows of a dataset whose final answer can be read become problems that a student tries to solve by itself.
// Must not know: rewards, steps.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import { messagesOf, renderStudentPrompt } from '../../src/engine/tokenizers/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { PackedRow } from '../../src/engine/training/packing.ts'
import { readFinalAnswer } from '../../src/pipeline/verifiers/final-answer.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { breathe } from './breathe.ts'
import type { PreparedRows } from './prepare-rows.ts'

/** Held-out problems that are tried at most at each look: each is a whole answer to write. */
const MOST_HELD_OUT = 64
const ROWS_A_BREATH = 128
/** Tokens that must be left of the context to answer in. */
const LEAST_ROOM = 8

export interface Problem {
  readonly prompt: readonly number[]
  /** The row's completion, which ends at the right answer. */
  readonly known: string
}
export interface PreparedProblems extends PreparedRows {
  /** Each problem by its prompt as a row, under which it is ordered and cut into steps. */
  readonly of: ReadonlyMap<PackedRow, Problem>
}

/** Rows without a final answer, or with a prompt that leaves no room for one, are left out. Refuses where fewer than two are left. */
export async function prepareProblems(
  split: { train: readonly DatasetRow[]; heldOut: readonly DatasetRow[] },
  tokenizer: TextTokenizer,
  context: number,
  signal: AbortSignal,
): Promise<PreparedProblems> {
  const of = new Map<PackedRow, Problem>()
  const prepare = async (rows: readonly DatasetRow[]): Promise<PackedRow[]> => {
    const out: PackedRow[] = []
    for (const [i, row] of rows.entries()) {
      if (i % ROWS_A_BREATH === ROWS_A_BREATH - 1) await breathe()
      signal.throwIfAborted()
      if (readFinalAnswer(row.completion) === undefined) continue
      const prompt = renderStudentPrompt(tokenizer, messagesOf(row))
      if (prompt.length + LEAST_ROOM > context) continue
      const packed = { tokens: Int32Array.from(prompt), from: 0 }
      of.set(packed, { prompt, known: row.completion })
      out.push(packed)
    }
    return out
  }
  const train = await prepare(split.train)
  const heldOut = (await prepare(split.heldOut)).slice(0, MOST_HELD_OUT)
  if (train.length < 2)
    throw new RetortError(
      'ModelRefused',
      `Of ${split.train.length} training rows ${train.length === 1 ? 'only one ends' : 'none ends'} with a final answer that can be checked (“Answer: 12”) and leaves room in a context of ${context} tokens; this loss needs at least two. Freeze a run of problems with known answers, such as the example “Corner shop, sums”.`,
    )
  return { train, heldOut, of, cutRows: 0, leftOutRows: split.train.length - train.length }
}
