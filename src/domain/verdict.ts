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
