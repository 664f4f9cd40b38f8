// Knows: a row's score for selection, or the drop if it has none. Unreadable is a separate reason, never a low score.
import { dropped, type FilterDecision } from '../../domain/filter-decision.ts'
import type { JudgedRow } from './selection.ts'

/** The expected score, or the decision on a row without one. */
export function scoreOrDrop({
  verdict,
}: JudgedRow): { ok: true; value: number } | { ok: false; decision: FilterDecision } {
  if (!verdict) return { ok: false, decision: dropped('not judged', { verdict: 'none' }) }
  if (verdict.kind === 'unreadable')
    return {
      ok: false,
      decision: dropped('unreadable verdict', { verdict: 'unreadable', reason: verdict.reason }),
    }
  return { ok: true, value: verdict.score }
}
