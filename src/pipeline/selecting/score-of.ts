// Knows: a row's score for selection, or the drop if it has none. Unreadable is a separate reason, never a low score.
import { dropped, type FilterDecision } from '../../domain/filter-decision.ts'
import { meanScore, type StepVerdict } from '../../domain/verdict.ts'

/** A score, or the decision on a row without one. */
export type RowScore =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly decision: FilterDecision }

/** The mean of the readable verdicts' expected scores, or the decision on a row without one. */
export function scoreOrDrop({
  verdicts = [],
}: {
  readonly verdicts?: readonly StepVerdict[] | undefined
}): RowScore {
  const value = meanScore(verdicts)
  if (value !== undefined) return { ok: true, value }
  const [first] = verdicts
  if (first?.verdict.kind !== 'unreadable')
    return { ok: false, decision: dropped('not judged', { verdict: 'none' }) }
  return {
    ok: false,
    decision: dropped('unreadable verdict', { verdict: 'unreadable', reason: first.verdict.reason }),
  }
}
