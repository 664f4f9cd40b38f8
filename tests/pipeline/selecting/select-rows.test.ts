import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readSteps } from '../../../src/pipeline/recipes/read-steps.ts'
import { select, selectAll } from './select.ts'
import { threshold } from '../../../src/pipeline/selecting/threshold.ts'
import { top } from '../../../src/pipeline/selecting/top.ts'
import { checked, scored, unreadable } from '../samples.ts'

const rows = [
  { id: 'a', promptId: 'p', order: 0, completion: 'x', verdicts: [{ verdict: scored(2) }] },
  { id: 'b', promptId: 'p', order: 1, completion: 'x', verdicts: [{ verdict: scored(4) }] },
  { id: 'c', promptId: 'q', order: 2, completion: 'x', verdicts: [{ verdict: scored(4) }] },
  { id: 'd', promptId: 'q', order: 3, completion: 'x', verdicts: [{ verdict: unreadable }] },
  { id: 'e', promptId: 'q', order: 4, completion: 'x' },
  { id: 'f', promptId: 'q', order: 5, completion: 'x', verdicts: [{ verdict: scored(3) }] },
]
const keptOf = (decisions: readonly { kind: string }[]): string =>
  rows
    .filter((_, i) => decisions[i]!.kind === 'kept')
    .map(({ id }) => id)
    .join('')

test('keeps scores at or above the threshold and drops the rest', () => {
  const decisions = select(threshold, rows, { min: 3 })
  expect(keptOf(decisions)).toBe('bcf')
  expect(decisions[0]).toMatchObject({
    kind: 'dropped',
    reason: 'score 2.00, below 3',
    evidence: { score: 2 },
  })
})

test('drops unreadable and missing verdicts with separate reasons, not as low scores', () => {
  for (const decisions of [select(threshold, rows, { min: 1 }), select(top, rows, { k: 100, per: 'run' })]) {
    expect(decisions[3]).toMatchObject({ kind: 'dropped', reason: 'unreadable verdict' })
    expect(decisions[4]).toMatchObject({ kind: 'dropped', reason: 'not judged' })
  }
})

test('keeps the top k of each prompt or of the run', () => {
  expect(keptOf(select(top, rows, { k: 1, per: 'prompt' }))).toBe('bc')
  expect(keptOf(select(top, rows, { k: 2, per: 'run' }))).toBe('bc')
  expect(keptOf(select(top, rows, { k: 3, per: 'run' }))).toBe('bcf')
  expect(select(top, rows, { k: 1, per: 'prompt' })[0]).toMatchObject({
    reason: 'not the best of its prompt',
    evidence: { rank: 2, of: 2 },
  })
  expect(select(top, rows, { k: 2, per: 'run' })[5]).toMatchObject({ reason: 'not in the best 2 of the run' })
})

test('keeps the earlier row of equal scores, in any order of the rows', () => {
  const shuffled = [rows[2]!, rows[1]!]
  const decisions = select(top, shuffled, { k: 1, per: 'run' })
  expect(decisions.map(({ kind }) => kind)).toEqual(['dropped', 'kept'])
})

test('keeps exactly k rows, and no dropped row is better than a kept one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 40 }),
      (scores, k) => {
        const some = scores.map((score, order) => ({
          id: String(order),
          promptId: 'p',
          order,
          completion: 'x',
          verdicts: [{ verdict: scored(score) }],
        }))
        const decisions = select(top, some, { k, per: 'run' })
        const kept = scores.filter((_, i) => decisions[i]!.kind === 'kept')
        const gone = scores.filter((_, i) => decisions[i]!.kind === 'dropped')
        expect(kept).toHaveLength(Math.min(k, scores.length))
        expect(Math.min(...kept) >= Math.max(...gone, 0)).toBe(true)
      },
    ),
  )
})

test('passes to each keep step only the rows that the earlier ones kept', () => {
  const { keeps } = readSteps(
    checked(
      'retort: 2\nsteps:\n  - complete: teacher\n  - judge: rubric\n  - keep: threshold\n    min: 3\n  - keep: top\n    k: 1\n    per: prompt\n',
    ),
  )
  const decisions = selectAll(keeps, rows)
  expect(decisions.get('a')?.map(({ step, name }) => [step, name])).toEqual([[2, 'threshold']])
  expect(decisions.get('b')?.map(({ decision }) => decision.kind)).toEqual(['kept', 'kept'])
  expect(decisions.get('f')?.map(({ decision }) => decision.kind)).toEqual(['kept', 'dropped'])
})
