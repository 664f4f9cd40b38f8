// Knows: cross-entropy on the tokens of texts, or on the classes of prompts.
import { crossEntropy } from '../cross-entropy.ts'
import type { Objective } from './objective.ts'

export interface TextOptions {
  /** Label smoothing, 0 to 1; default 0. */
  readonly smoothing?: number
}

const learnTexts = (smoothing: number): Objective => ({
  sizesOf: () => ({}),
  open:
    (g) =>
    ({ hidden, head, targets, weights }) =>
      crossEntropy(g, hidden, head, targets, weights, smoothing),
  feed: () => ({}),
  countOf: ({ counted }) => counted,
})

/** Cross-entropy without label smoothing, by which objectives on tokens are measured. */
export const PLAIN_TEXTS = learnTexts(0)

/** Σ weight · cross-entropy; measured without label smoothing. */
export const makeTexts = ({ smoothing = 0 }: TextOptions): Objective => ({
  ...learnTexts(smoothing),
  evaluation: PLAIN_TEXTS,
})
