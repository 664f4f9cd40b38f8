import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readSteps } from '../../../src/pipeline/recipes/read-steps.ts'
import { selectRows } from '../../../src/pipeline/selecting/select-rows.ts'
import { threshold } from '../../../src/pipeline/selecting/threshold.ts'
import { top } from '../../../src/pipeline/selecting/top.ts'
import { checked, scored, unreadable } from '../samples.ts'

const rows = [
  { id: 'a', promptId: 'p', order: 0, completion: 'x', verdict: scored(2) },
  { id: 'b', promptId: 'p', order: 1, completion: 'x', verdict: scored(4) },
  { id: 'c', promptId: 'q', order: 2, completion: 'x', verdict: scored(4) },
  { id: 'd', promptId: 'q', order: 3, completion: 'x', verdict: unreadable },
  { id: 'e', promptId: 'q', order: 4, completion: 'x' },
  { id: 'f', promptId: 'q', order: 5, completion: 'x', verdict: scored(3) },
]
const keptOf = (answers: readonly { kind: string }[]): string =>
  rows
    .filter((_, i) => answers[i]!.kind === 'kept')
    .map(({ id }) => id)
    .join('')

test('the threshold keeps what reaches it and drops the rest: the flag is not upside down', () => {
  const answers = threshold.select(rows, { min: 3 })
  expect(keptOf(answers)).toBe('bcf')
  expect(answers[0]).toMatchObject({ kind: 'dropped', reason: 'score 2.00, below 3', evidence: { score: 2 } })
})

test('an unreadable verdict and a missing one are reasons of their own, not low scores', () => {
  for (const answers of [threshold.select(rows, { min: 1 }), top.select(rows, { k: 100, per: 'run' })]) {
    expect(answers[3]).toMatchObject({ kind: 'dropped', reason: 'its verdict could not be read' })
    expect(answers[4]).toMatchObject({ kind: 'dropped', reason: 'not judged' })
  }
})

test('the best of each prompt and the best of the run are different choices', () => {
  expect(keptOf(top.select(rows, { k: 1, per: 'prompt' }))).toBe('bc')
  expect(keptOf(top.select(rows, { k: 2, per: 'run' }))).toBe('bc')
  expect(keptOf(top.select(rows, { k: 3, per: 'run' }))).toBe('bcf')
  expect(top.select(rows, { k: 1, per: 'prompt' })[0]).toMatchObject({
    reason: 'not among the best 1 of its prompt',
    evidence: { rank: 2, of: 2 },
  })
})

test('equal scores keep the earlier row, whatever order the rows come in', () => {
  const shuffled = [rows[2]!, rows[1]!]
  const answers = top.select(shuffled, { k: 1, per: 'run' })
  expect(answers.map(({ kind }) => kind)).toEqual(['dropped', 'kept'])
})

test('top keeps k rows exactly, and no dropped row is better than a kept one', () => {
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
          verdict: scored(score),
        }))
        const answers = top.select(some, { k, per: 'run' })
        const kept = scores.filter((_, i) => answers[i]!.kind === 'kept')
        const gone = scores.filter((_, i) => answers[i]!.kind === 'dropped')
        expect(kept).toHaveLength(Math.min(k, scores.length))
        expect(Math.min(...kept) >= Math.max(...gone, 0)).toBe(true)
      },
    ),
  )
})

test('keep steps follow each other, and each sees only what the one before it kept', () => {
  const { keeps } = readSteps(
    checked(
      'retort: 1\nsteps:\n  - complete: teacher\n  - judge: rubric\n  - keep: threshold\n    min: 3\n  - keep: top\n    k: 1\n    per: prompt\n',
    ),
  )
  const answers = selectRows(keeps, rows)
  expect(answers.get('a')?.map(({ step, name }) => [step, name])).toEqual([[2, 'threshold']])
  expect(answers.get('b')?.map(({ answer }) => answer.kind)).toEqual(['kept', 'kept'])
  expect(answers.get('f')?.map(({ answer }) => answer.kind)).toEqual(['kept', 'dropped'])
})
