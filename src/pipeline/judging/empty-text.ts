// Knows: the verdicts on empty completions, which no judge is needed for.
// Reason: a judge scores what surrounds an empty completion. Observed with a small one: 2.88 for a student that writes nothing, 2.80
// for a trained one.
import type { ModelRef } from '../../domain/model-card.ts'
import { SCALE, type PairVerdict, type Verdict } from '../../domain/verdict.ts'
import type { Pair } from './pairwise.ts'

/** True for a text without a visible character. */
export const isEmptyText = (text: string): boolean => text.trim() === ''

/** The verdict on a completion if it is empty: the lowest score. Undefined for any other: the judge scores it. */
export function verdictOnEmpty(
  completion: string,
  { rubric, judge }: { readonly rubric: string; readonly judge: ModelRef },
): Verdict | undefined {
  if (!isEmptyText(completion)) return undefined
  const [lowest] = SCALE
  return {
    kind: 'score',
    rubric,
    judge,
    score: lowest,
    distribution: SCALE.map((score) => (score === lowest ? 1 : 0)),
    mass: 1,
  }
}

/** The outcome of a pair with an empty text: it loses; two empty ones tie. Undefined if both have text: the judge compares them. */
export function outcomeOfEmpty(
  { first, second }: Pick<Pair, 'first' | 'second'>,
  judge: ModelRef,
): PairVerdict | undefined {
  const [one, other] = [isEmptyText(first), isEmptyText(second)]
  if (!one && !other) return undefined
  const preference = one === other ? 0.5 : other ? 1 : 0
  return {
    judge,
    shownFirst: preference,
    shownSecond: preference,
    outcome: one === other ? 'tie' : other ? 'first' : 'second',
  }
}
