// The defects that others have shipped (algorithms.md), as far as pure steps can have them: one test each, whatever else tests them.
import { expect, test } from 'vitest'
import { makeRng } from '../../src/domain/rng.ts'
import { complete, planCompletions } from '../../src/pipeline/completing/complete.ts'
import { freezeRows } from '../../src/pipeline/freezing/freeze-rows.ts'
import { readGrown } from '../../src/pipeline/growing/read-grown.ts'
import { planGrowth, selfInstruct } from '../../src/pipeline/growing/self-instruct.ts'
import { promptsFromSeeds } from '../../src/pipeline/growing/read-grown.ts'
import { readVerdict } from '../../src/pipeline/judging/expected-score.ts'
import { askPair, readPair } from '../../src/pipeline/judging/pairwise.ts'
import { readSteps } from '../../src/pipeline/recipes/read-steps.ts'
import { readSeeds } from '../../src/pipeline/seeds/read-seeds.ts'
import { selectRows } from '../../src/pipeline/selecting/select-rows.ts'
import { threshold } from '../../src/pipeline/selecting/threshold.ts'
import { countWins } from '../../src/pipeline/statistics/wins.ts'
import { rubricOf } from '../../src/pipeline/templates/rubrics.ts'
import { checked, makeRow, projectId, runId, scored, settingsWith, shot, teacher } from './samples.ts'

test('an unreadable verdict gets no random or default score, and its row does not vanish', () => {
  const verdict = readVerdict(
    { logProbs: [Number.NaN, 0, 0, 0, 0] },
    { rubric: 'helpfulness@1', judge: teacher, minMass: 0.01 },
  )
  expect(verdict).toEqual({
    kind: 'unreadable',
    rubric: 'helpfulness@1',
    judge: teacher,
    reason: expect.any(String),
  })
  const { keeps } = readSteps(
    checked('retort: 1\nsteps:\n  - complete: teacher\n  - judge: rubric\n  - keep: threshold\n'),
  )
  const answers = selectRows(keeps, [{ id: 'r', promptId: 'p', order: 0, completion: 'x', verdict }])
  expect(answers.get('r')).toEqual([
    {
      step: 2,
      name: 'threshold',
      answer: expect.objectContaining({ kind: 'dropped', reason: 'its verdict could not be read' }),
    },
  ])
})

test('a text never wins against itself', () => {
  const sure = { logProbs: [0, -9] }
  expect(readPair(sure, { logProbs: [-9, 0] }, teacher, { first: 'same', second: 'same' }).outcome).toBe(
    'tie',
  )
})

test('wins are counted for the side that won', () => {
  const verdict = readPair({ logProbs: [-0.1, -3] }, { logProbs: [-3, -0.1] }, teacher)
  expect(verdict.outcome).toBe('first')
  expect(countWins([verdict], makeRng(1))).toMatchObject({ wins: 1, losses: 0, ties: 0, rate: { mean: 1 } })
})

test('the keep flag is not upside down', () => {
  const [low, high] = threshold.select(
    [
      { id: 'l', promptId: 'p', order: 0, completion: 'x', verdict: scored(1) },
      { id: 'h', promptId: 'p', order: 1, completion: 'x', verdict: scored(5) },
    ],
    { min: 3 },
  )
  expect([low!.kind, high!.kind]).toEqual(['dropped', 'kept'])
})

test('a pair is asked in both orders, and a judge that likes the first place decides nothing', () => {
  const [one, two] = askPair(
    'x',
    { prompt: 'p', first: 'alpha', second: 'beta' },
    rubricOf('helpfulness@1', ''),
  )
  expect(JSON.stringify(one.asked)).not.toBe(JSON.stringify(two.asked))
  expect(readPair({ logProbs: [0, -9] }, { logProbs: [0, -9] }, teacher).outcome).toBe('tie')
})

test('planning again after a crash names the same rows, so that none is done twice', () => {
  const seeds = [shot('One seed to ask.'), shot('Another seed to ask.')].map((seed) => ({
    ...seed,
    projectId,
  }))
  const plan = (): string[] =>
    planCompletions({
      prompts: promptsFromSeeds(seeds, runId),
      settings: settingsWith(complete, { n: 2 }),
      rngSeed: 1,
      teacher,
    }).map(({ id }) => id)
  expect(plan()).toEqual(plan())
  expect(new Set(plan()).size).toBe(4)
})

test('one bad row ends neither the reading of seeds nor the reading of an answer', async () => {
  const seeds = []
  for await (const batch of readSeeds(
    { kind: 'text', text: '{"prompt": "good"}\n{"prompt": \n{"prompt": "good too"}' },
    { projectId, now: 1 },
  ))
    seeds.push(...batch.seeds)
  expect(seeds.map(({ text }) => text)).toEqual(['good', 'good too'])
  const [request] = planGrowth({
    next: 0,
    pool: { seeds: [shot('A seed to grow from.')], accepted: [] },
    settings: settingsWith(selfInstruct),
    rngSeed: 1,
  })
  expect(
    readGrown(
      request!,
      { text: ' \u0000\ufffd\n3. A good prompt stands here.', ending: 'end' },
      settingsWith(selfInstruct),
    ).at(-1)!.answer.kind,
  ).toBe('kept')
})

test('siblings never stand on both sides of a split, also when the same prompt came from two seeds', () => {
  const rows = [
    makeRow(0, { seed: 'a', prompt: 'Same?' }),
    makeRow(1, { seed: 'b', prompt: 'same?' }),
    makeRow(2, { seed: 'b' }),
    makeRow(3, { seed: 'c' }),
  ]
  for (let rngSeed = 0; rngSeed < 20; rngSeed++) {
    const frozen = freezeRows(rows, { heldOut: 0.3 }, rngSeed)
    if (!frozen.ok) throw new Error(frozen.problems[0]!.sentence)
    expect(new Set(frozen.value.slice(0, 3).map(({ split }) => split)).size).toBe(1)
  }
})
