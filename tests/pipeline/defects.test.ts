// The defects that other projects have shipped (algorithms.md), as far as pure steps can have them: one test each.
import { expect, test } from 'vitest'
import { makeRng } from '../../src/domain/rng.ts'
import { complete, planCompletions } from '../../src/pipeline/completing/complete.ts'
import { freezeRows } from '../../src/pipeline/freezing/freeze-rows.ts'
import { promptsFromSeeds, readGrown } from '../../src/pipeline/growing/read-grown.ts'
import { planGrowth } from '../../src/pipeline/growing/plan-growth.ts'
import { selfInstruct } from '../../src/pipeline/growing/self-instruct.ts'
import { readVerdict } from '../../src/pipeline/judging/expected-score.ts'
import { buildPairRequests, readPair } from '../../src/pipeline/judging/pairwise.ts'
import { readSteps } from '../../src/pipeline/recipes/read-steps.ts'
import { readSeeds } from '../../src/pipeline/seeds/read-seeds.ts'
import { select, selectAll } from './selecting/select.ts'
import { threshold } from '../../src/pipeline/selecting/threshold.ts'
import { countWins } from '../../src/pipeline/statistics/wins.ts'
import { rubricOf } from '../../src/pipeline/templates/rubrics.ts'
import { checked, makeRow, projectId, runId, scored, settingsWith, shot, teacher } from './samples.ts'

test('gives an unreadable verdict no random or default score, and drops its row with a reason', () => {
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
    checked('retort: 2\nsteps:\n  - complete: teacher\n  - judge: rubric\n  - keep: threshold\n'),
  )
  const decisions = selectAll(keeps, [
    { id: 'r', promptId: 'p', order: 0, completion: 'x', verdicts: [{ verdict }] },
  ])
  expect(decisions.get('r')).toEqual([
    {
      step: 2,
      name: 'threshold',
      decision: expect.objectContaining({ kind: 'dropped', reason: 'unreadable verdict' }),
    },
  ])
})

test('never lets a text win against itself', () => {
  const sure = { logProbs: [0, -9] }
  expect(readPair(sure, { logProbs: [-9, 0] }, teacher, { first: 'same', second: 'same' }).outcome).toBe(
    'tie',
  )
})

test('counts wins for the side that won', () => {
  const verdict = readPair({ logProbs: [-0.1, -3] }, { logProbs: [-3, -0.1] }, teacher)
  expect(verdict.outcome).toBe('first')
  expect(countWins([verdict], makeRng(1))).toMatchObject({ wins: 1, losses: 0, ties: 0, rate: { mean: 1 } })
})

test('keeps the high score and drops the low one', () => {
  const [low, high] = select(
    threshold,
    [
      { id: 'l', promptId: 'p', order: 0, completion: 'x', verdicts: [{ verdict: scored(1) }] },
      { id: 'h', promptId: 'p', order: 1, completion: 'x', verdicts: [{ verdict: scored(5) }] },
    ],
    { min: 3 },
  )
  expect([low!.kind, high!.kind]).toEqual(['dropped', 'kept'])
})

test('judges a pair in both orders, so that a preference for the first position decides nothing', () => {
  const [one, two] = buildPairRequests(
    'x',
    { prompt: 'p', first: 'alpha', second: 'beta' },
    rubricOf('helpfulness@1', ''),
  )
  expect(JSON.stringify(one.input)).not.toBe(JSON.stringify(two.input))
  expect(readPair({ logProbs: [0, -9] }, { logProbs: [0, -9] }, teacher).outcome).toBe('tie')
})

test('plans the same row ids again after a crash, so that none is done twice', () => {
  const seeds = [shot('One seed to use.'), shot('Another seed to use.')].map((seed) => ({
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

test('continues after one bad row in seeds and in a response', async () => {
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
      { text: ' \u0000\ufffd\n3. A good prompt is here.', finishReason: 'end' },
      settingsWith(selfInstruct),
    ).at(-1)!.decision.kind,
  ).toBe('kept')
})

test('never puts siblings on both sides of a split, even if two seeds share a prompt', () => {
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
