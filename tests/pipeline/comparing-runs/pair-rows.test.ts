import { expect, test } from 'vitest'
import { freshId } from '../../../src/domain/id.ts'
import { rowId, type Row } from '../../../src/domain/row.ts'
import {
  alignScores,
  MAX_LISTED,
  RowPairs,
  ScoreMeans,
} from '../../../src/pipeline/comparing-runs/pair-rows.ts'
import { readRecipe } from '../../actions/small-project.ts'
import { makeRow } from '../../state/make-row.ts'

const recipe = (steps: string) => readRecipe(`retort: 2\nname: Test\nrngSeed: 1\nsteps:\n${steps}`)
const PLAIN = recipe('  - complete: teacher\n')
const projectId = freshId('project')

function makeRun() {
  const runId = freshId('run')
  let order = 0
  return (prompt: string, text: string, more: Partial<Row> = {}): Row => {
    const row = makeRow({ projectId, runId, order: order++, status: 'kept' })
    return { ...row, id: rowId([runId, order]), prompt, completion: { ...row.completion, text }, ...more }
  }
}

function pairRows(first: readonly Row[], second: readonly Row[], recipes = [PLAIN, PLAIN]) {
  const pairs = new RowPairs(recipes[0]!, recipes[1]!)
  for (const row of first) pairs.addFirst(row)
  for (const row of second) pairs.addSecond(row)
  return pairs.result()
}

test('equal rows of two runs do not differ, though their ids do; a hand rejection is no decision', () => {
  const [a, b] = [makeRun(), makeRun()]
  const rejected = { status: 'rejected', rejectedByHand: { at: 1, before: 'kept' } } as const
  const found = pairRows([a('p', 'x'), a('q', 'y')], [b('q', 'y', rejected), b('p', 'x')])
  expect(found).toEqual({ common: 2, differing: 0, listed: [], onlyFirst: 0, onlySecond: 0 })
})

test('finds other completions and other decisions, and counts rows of one run alone', () => {
  const [a, b] = [makeRun(), makeRun()]
  const found = pairRows(
    [a('p', 'x'), a('q', 'y'), a('r', 'z'), a('s', 'only')],
    [b('p', 'X'), b('q', 'y', { status: 'dropped', droppedBy: 'length' }), b('r', 'z'), b('t', 'new')],
  )
  expect(found).toMatchObject({ common: 3, differing: 2, onlyFirst: 1, onlySecond: 1 })
  expect(
    found.listed.map(({ prompt, first, second }) => [prompt, first.text, second.text, second.droppedBy]),
  ).toEqual([
    ['p', 'x', 'X', undefined],
    ['q', 'y', 'y', 'length'],
  ])
})

test('a variant, a step and a revision belong to the same of the other run, also if steps moved', () => {
  const [a, b] = [makeRun(), makeRun()]
  const revised = recipe('  - complete: teacher\n    n: 2\n  - complete: revise\n')
  const moved = recipe('  - complete: teacher\n    n: 2\n  - filter: length\n  - complete: revise\n')
  const rowsOf = (row: typeof a, step: number) => [
    row('p', 'first'),
    row('p', 'second', { variant: 1 }),
    row('p', 'first, revised', { step }),
    row('p', 'second, revised', { step }),
  ]
  expect(pairRows(rowsOf(a, 1), rowsOf(b, 2), [revised, moved])).toMatchObject({ common: 4, differing: 0 })
})

test('lists the first fifty and counts all', () => {
  const [a, b] = [makeRun(), makeRun()]
  const prompts = Array.from({ length: 80 }, (_, i) => `p${i}`)
  const found = pairRows(
    prompts.map((prompt) => a(prompt, 'x')),
    prompts.map((prompt) => b(prompt, 'y')),
  )
  expect(found.differing).toBe(80)
  expect(found.listed).toHaveLength(MAX_LISTED)
})

test('means scores by rubric and judge over readable verdicts alone', () => {
  const judge = { name: 'Judge', fingerprint: '0123456789abcdef', quantisation: 'F32' }
  const score = (rubric: string, value: number) =>
    ({ verdict: { kind: 'score', rubric, judge, score: value, distribution: [], mass: 1 } }) as const
  const means = new ScoreMeans()
  means.add({ verdicts: [score('a@1', 2), score('b@1', 5)] })
  means.add({
    verdicts: [score('a@1', 3), { verdict: { kind: 'unreadable', rubric: 'b@1', judge, reason: 'no' } }],
  })
  means.add({})
  expect(means.result()).toEqual([
    { rubric: 'a@1', judge: 'Judge', mean: 2.5, count: 2 },
    { rubric: 'b@1', judge: 'Judge', mean: 5, count: 1 },
  ])
  const other = { ...judge, name: 'Other', fingerprint: 'fedcba9876543210' }
  means.add({ verdicts: [{ verdict: { ...score('a@1', 5).verdict, judge: other } }] })
  expect(means.result().at(-1)).toEqual({ rubric: 'a@1', judge: 'Other', mean: 5, count: 1 })
})

test('pairs means of the same rubric and judge, then those of the same rubric', () => {
  const mean = (rubric: string, judge: string) => ({ rubric, judge, mean: 3, count: 1 })
  const show = (a: string[][], b: string[][]) =>
    alignScores(
      a.map(([rubric = '', judge = '']) => mean(rubric, judge)),
      b.map(([rubric = '', judge = '']) => mean(rubric, judge)),
    ).map(({ first, second }) => [first?.judge, second?.judge, (first ?? second)?.rubric])
  expect(
    show(
      [
        ['help', 'A'],
        ['right', 'S'],
      ],
      [
        ['right', 'A'],
        ['right', 'S'],
      ],
    ),
  ).toEqual([
    [undefined, 'A', 'right'],
    ['A', undefined, 'help'],
    ['S', 'S', 'right'],
  ])
  expect(show([['help', 'A']], [['help', 'S']])).toEqual([['A', 'S', 'help']])
})
