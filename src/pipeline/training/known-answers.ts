// Knows: which rows are problems with an answer that can be checked, and which answer counts: the seed's known one before the row's own.
// Must not know: rewards, where seeds are stored.
import type { DatasetRow } from '../../domain/dataset.ts'
import { referenceFor, type References } from '../filters/references.ts'
import { readFinalAnswer } from '../verifiers/final-answer.ts'

export interface CheckableAnswer {
  /** The text whose final answer is the right one. */
  readonly reference: string
  /** It is the answer that a person gave with the seed, not the row's own completion. */
  readonly isKnown: boolean
}

/** The right answer of a row's problem; undefined if there is none that can be checked. */
export function findAnswer(
  { prompt, earlier, completion }: Pick<DatasetRow, 'prompt' | 'earlier' | 'completion'>,
  references: References,
): CheckableAnswer | undefined {
  const { reference } = referenceFor(prompt, references, earlier)
  if (reference !== undefined && readFinalAnswer(reference) !== undefined) return { reference, isKnown: true }
  return readFinalAnswer(completion) === undefined ? undefined : { reference: completion, isKnown: false }
}

/** How many problems are checked against what. */
export const describeAnswers = (problems: number, known: number): string =>
  known === problems
    ? `All ${problems} problems are checked against the answers given with their seeds.`
    : known === 0
      ? `No problem has an answer given with its seed: completions are checked against the teacher’s own answers, which may be wrong.`
      : `${known} of ${problems} problems are checked against the answers given with their seeds, the others against the teacher’s own answers.`
