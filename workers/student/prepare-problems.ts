// Knows: how the rows of a dataset with a verifiable final answer become problems for the student to solve.
// Must not know: rewards, steps.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import {
  messagesOf,
  renderStudentExample,
  renderStudentPrompt,
} from '../../src/engine/tokenizers/templates/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { PackedRow } from '../../src/engine/training/packing.ts'
import type { References } from '../../src/pipeline/filters/references.ts'
import { describeAnswers, findAnswer } from '../../src/pipeline/training/known-answers.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { ConversationCounts, fitConversation } from './fit-conversation.ts'
import { yieldToMessages } from './yield-to-messages.ts'
import type { PreparedRows } from './prepare-rows.ts'

/** Maximum number of held-out problems in an evaluation: each needs a whole completion. */
const MAX_HELD_OUT = 64
const ROWS_PER_YIELD = 128
/** Minimum number of tokens that the prompt must leave for the completion. */
const MIN_ROOM = 8

export interface Problem {
  /** The prompt as a person reads it. */
  readonly text: string
  readonly prompt: readonly number[]
  /** A text that ends with the right answer: the one given with the seed if there is one, else the row's completion. */
  readonly reference: string
}
export interface PreparedProblems extends PreparedRows {
  /** Each problem by its prompt as a row, which orders it and assigns it to a step. */
  readonly byRow: ReadonlyMap<PackedRow, Problem>
}

/** Rows without a final answer, or with a prompt that leaves no room for one, are left out. Throws ModelRefused if fewer than two are left. */
export async function prepareProblems(
  split: { train: readonly DatasetRow[]; heldOut: readonly DatasetRow[] },
  answers: References,
  tokenizer: TextTokenizer,
  context: number,
  signal: AbortSignal,
): Promise<PreparedProblems> {
  const byRow = new Map<PackedRow, Problem>()
  const known = new Set<PackedRow>()
  const counts = new ConversationCounts()
  const prepare = async (rows: readonly DatasetRow[]): Promise<PackedRow[]> => {
    const out: PackedRow[] = []
    for (const [i, row] of rows.entries()) {
      if (i % ROWS_PER_YIELD === ROWS_PER_YIELD - 1) await yieldToMessages()
      signal.throwIfAborted()
      const answer = findAnswer(row, answers)
      if (answer === undefined) continue
      const fitted = fitConversation(
        row,
        (one) => renderStudentExample(tokenizer, one).ids.length <= context + 1,
      )
      counts.addFitted(row, fitted)
      const prompt = renderStudentPrompt(tokenizer, messagesOf(fitted))
      if (prompt.length + MIN_ROOM > context) continue
      const packed = { tokens: Int32Array.from(prompt), from: 0 }
      byRow.set(packed, { text: row.prompt, prompt, reference: answer.reference })
      if (answer.isKnown) known.add(packed)
      out.push(packed)
    }
    return out
  }
  const train = await prepare(split.train)
  const heldOut = (await prepare(split.heldOut)).slice(0, MAX_HELD_OUT)
  if (train.length < 2)
    throw new RetortError(
      'ModelRefused',
      `Of ${split.train.length} training rows ${train.length === 1 ? 'only one ends' : 'none ends'} with a final answer that can be checked (“Answer: 12”) and leaves room in a context of ${context} tokens; this objective needs at least two. Freeze a run of problems with known answers, such as the example “Corner shop sums”.`,
    )
  return {
    train,
    heldOut,
    byRow,
    truncatedRows: 0,
    skippedRows: split.train.length - train.length,
    notes: [
      describeAnswers(train.length, train.filter((row) => known.has(row)).length),
      ...counts.notes(context),
    ],
  }
}
