// Knows: a judge's verdict. "Could not be read" is a kind of verdict: never a zero, never a dropped row.
import type { ModelRef } from './model-card.ts'

/** Scores run from 1 to 5. */
export const SCALE = [1, 2, 3, 4, 5] as const

export type Verdict =
  | {
      readonly kind: 'score'
      /** Such as `helpfulness@1`. */
      readonly rubric: string
      readonly judge: ModelRef
      /** Expected score under the distribution, 1 to 5. */
      readonly score: number
      /** Probability of each score 1..5, summing to 1. */
      readonly distribution: readonly number[]
      /** Sum of the five scores' probabilities before they were normalised, 0 to 1. */
      readonly mass: number
      /** What a judge that may reason wrote before the score was read. */
      readonly reasoning?: string
    }
  | {
      readonly kind: 'unreadable'
      readonly rubric: string
      readonly judge: ModelRef
      readonly reason: string
      /** Sum of the five scores' probabilities, if that was too small. */
      readonly mass?: number
    }

/** A verdict with the step that made it, as stored with its row. */
export interface StepVerdict {
  /** Index of the step in its recipe; absent if it was made by a version whose recipes had one judge step. */
  readonly step?: number
  readonly verdict: Verdict
}

/** The verdict of a judge step. */
export const verdictOf = (verdicts: readonly StepVerdict[] | undefined, step: number): Verdict | undefined =>
  verdicts?.find((stored) => (stored.step ?? step) === step)?.verdict

/** The verdicts with that of a step, which replaces an earlier one. */
export const withVerdict = (
  verdicts: readonly StepVerdict[] | undefined,
  step: number,
  verdict: Verdict,
): StepVerdict[] =>
  [...(verdicts ?? []).filter((stored) => (stored.step ?? step) !== step), { step, verdict }].toSorted(
    (a, b) => (a.step ?? -1) - (b.step ?? -1),
  )

/** Scores of the readable verdicts. */
export const readScores = (verdicts: readonly StepVerdict[]): number[] =>
  verdicts.flatMap(({ verdict }) => (verdict.kind === 'score' ? [verdict.score] : []))

/** Mean of the readable verdicts' scores, if there is one. */
export function meanScore(verdicts: readonly StepVerdict[]): number | undefined {
  const scores = readScores(verdicts)
  return scores.length === 0 ? undefined : scores.reduce((sum, score) => sum + score, 0) / scores.length
}

/** A comparison of two texts, judged in both orders; verdicts that disagree are a tie. */
export type PairVerdict = {
  readonly judge: ModelRef
  /** Probability that the first text is better, with it shown first and shown second. */
  readonly shownFirst: number
  readonly shownSecond: number
  readonly outcome: 'first' | 'second' | 'tie'
  /** Why the judge could not be read in one of the orders; the outcome is then a tie that counts for neither text. */
  readonly unreadable?: string
}
