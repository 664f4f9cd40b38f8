import { expect, test } from 'vitest'
import type { ComparedPrompt, Contender } from '../../../src/domain/comparison.ts'
import { rowId } from '../../../src/domain/row.ts'
import type { PairVerdict, Verdict } from '../../../src/domain/verdict.ts'
import { summarise } from '../../../src/state/project/comparisons.svelte.ts'

const judge = { name: 'Judge', fingerprint: '0123456789abcdef', quantisation: 'F32' }
const scored = (score: number): Verdict => ({
  kind: 'score',
  rubric: 'helpfulness@1',
  judge,
  score,
  distribution: [0.2, 0.2, 0.2, 0.2, 0.2],
  mass: 0.9,
})
const unread: Verdict = { kind: 'unreadable', rubric: 'helpfulness@1', judge, reason: 'no mass' }
const pair = (outcome: PairVerdict['outcome']): PairVerdict => ({
  judge,
  shownFirst: 0.6,
  shownSecond: 0.6,
  outcome,
})

const compared = (
  i: number,
  verdicts: Record<Contender, Verdict>,
  outcome: PairVerdict['outcome'],
): ComparedPrompt => ({
  rowId: rowId(['compared', i]),
  prompt: `Prompt ${i}`,
  texts: { before: 'a', after: 'b', teacher: 'c' },
  verdicts,
  afterBefore: pair(outcome),
  afterTeacher: pair('second'),
})

test('summarise averages readable scores with intervals, and counts unreadable ones', () => {
  const prompts = [2, 3, 4, 3, 2, 4].map((score, i) =>
    compared(
      i,
      { before: scored(1), after: scored(score), teacher: i === 0 ? unread : scored(4.5) },
      i % 3 === 0 ? 'tie' : 'first',
    ),
  )
  const { scores, unreadable, afterBefore, afterTeacher } = summarise(prompts)
  expect(scores.after?.mean).toBeCloseTo(3, 9)
  expect(scores.after && scores.after.low < 3 && scores.after.high > 3).toBe(true)
  expect(scores.before).toMatchObject({ mean: 1, low: 1, high: 1, n: 6 })
  expect([unreadable.before, unreadable.teacher]).toEqual([0, 1])
  expect([afterBefore.wins, afterBefore.ties, afterBefore.losses]).toEqual([4, 2, 0])
  expect(afterTeacher.rate.mean).toBe(0)
})

test('summarise returns the same intervals every time', () => {
  const prompts = [1.5, 2.5, 3.5].map((score, i) =>
    compared(i, { before: scored(1), after: scored(score), teacher: scored(5) }, 'first'),
  )
  expect(summarise(prompts)).toEqual(summarise(prompts))
})

test('summarise returns no score, not a zero, if no verdict could be read', () => {
  expect(
    summarise([compared(0, { before: unread, after: unread, teacher: unread }, 'tie')]).scores.after,
  ).toBeUndefined()
})
