// Knows: a row's score for choosing, or the answer that says why there is none. Unreadable is a reason of its own, never a low score.
import { dropped, type FilterAnswer } from '../../domain/filter-answer.ts'
import type { JudgedRow } from './selection.ts'

/** The expected score, or the answer for a row that has none. */
export function scoreOf({
  verdict,
}: JudgedRow): { ok: true; value: number } | { ok: false; answer: FilterAnswer } {
  if (!verdict) return { ok: false, answer: dropped('not judged', { verdict: 'none' }) }
  if (verdict.kind === 'unreadable')
    return {
      ok: false,
      answer: dropped('its verdict could not be read', { verdict: 'unreadable', why: verdict.reason }),
    }
  return { ok: true, value: verdict.score }
}
