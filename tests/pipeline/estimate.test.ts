import { expect, test } from 'vitest'
import { boundRun, estimateRun, type TrialMeasures } from '../../src/pipeline/estimate.ts'
import { checked } from './samples.ts'

const trial: TrialMeasures = {
  growth: [{ step: 0, requests: 1, accepted: 5, tokens: 100, ms: 2000 }],
  completions: { rows: 5, tokens: 250, ms: 5000, passed: 4 },
  verdicts: { rows: 4, ms: 1200 },
  kept: 2,
  characters: 1000,
}

test('extrapolates time, tokens and bytes from the trial', () => {
  const recipe = checked(
    'retort: 2\nsteps:\n  - grow: self-instruct\n    prompts: 50\n  - complete: teacher\n    n: 2\n  - judge: rubric\n  - keep: threshold\n',
  )
  expect(estimateRun(recipe, 10, trial)).toEqual({
    prompts: 50,
    rows: 100,
    kept: 40,
    tokens: 10 * 100 + 100 * 50, // ten requests and a hundred rows
    msTotal: 10 * 2000 + 100 * 1000 + 80 * 300, // eighty rows reach the judge
    storageBytes: 100 * (1600 + 400),
  })
})

test('counts no growth if the seeds are the prompts, and no verdicts without a judge', () => {
  const recipe = checked(
    'retort: 2\nsteps:\n  - grow: self-instruct\n    prompts: 0\n  - complete: teacher\n',
  )
  expect(estimateRun(recipe, 12, { ...trial, growth: [] })).toMatchObject({
    prompts: 12,
    rows: 12,
    tokens: 600,
    msTotal: 12_000,
  })
})

test('returns zeros and no NaN without a trial', () => {
  const none: TrialMeasures = {
    growth: [],
    completions: { rows: 0, tokens: 0, ms: 0, passed: 0 },
    verdicts: { rows: 0, ms: 0 },
    kept: 0,
    characters: 0,
  }
  expect(estimateRun(checked('retort: 2\nsteps:\n  - complete: teacher\n'), 3, none)).toEqual({
    prompts: 3,
    rows: 3,
    kept: 0,
    tokens: 0,
    msTotal: 0,
    storageBytes: 4800,
  })
})

test('bounds a run without a trial, above the estimate from a trial', () => {
  const recipe = checked(
    'retort: 2\nsteps:\n  - grow: self-instruct\n    prompts: 50\n    alsoSeeds: true\n  - complete: teacher\n    n: 2\n    maxTokens: 100\n',
  )
  const bound = boundRun(recipe, 10)
  expect(bound).toEqual({ rows: 120, storageBytes: 120 * (1600 + 2 * (400 + 500)) })
  expect(bound.storageBytes).toBeGreaterThan(estimateRun(recipe, 10, trial).storageBytes)
  expect(boundRun(checked('retort: 2\nsteps:\n  - complete: teacher\n'), 7).rows).toBe(7)
})

test('counts the revisions that a run may make of each completion', () => {
  const recipe = checked(
    'retort: 2\nsteps:\n  - complete: teacher\n    n: 2\n    maxTokens: 100\n  - complete: revise\n    times: 2\n    maxTokens: 300\n',
  )
  const rows = 7 * 2 * 3
  expect(boundRun(recipe, 7)).toEqual({ rows, storageBytes: rows * (1600 + 2 * (400 + 1500)) })
  expect(estimateRun(recipe, 7, trial)).toMatchObject({ rows, storageBytes: rows * 1600 + 14 * 400 })
})

test('adds the grow steps up: a later one has the prompts so far, which it keeps or replaces', () => {
  const steps = (more: string): string =>
    `retort: 2\nsteps:\n  - grow: self-instruct\n    prompts: 50\n  - grow: evol-instruct\n    rounds: 2\n${more}  - complete: teacher\n`
  const measured: TrialMeasures = {
    ...trial,
    growth: [...trial.growth, { step: 1, requests: 2, accepted: 4, tokens: 300, ms: 500 }],
  }
  const estimate = estimateRun(checked(steps('')), 10, measured)
  expect(estimate).toMatchObject({ prompts: 150, rows: 150, tokens: 10 * 100 + 50 * 150 + 150 * 50 })
  expect(estimate.msTotal).toBe(10 * 2000 + 50 * 250 + 150 * 1000)
  expect(boundRun(checked(steps('    alsoSeeds: false\n')), 10).rows).toBe(100)
  // The seeds are counted once, and only where a step adds them.
  const swapped = (seeds: boolean): string =>
    `retort: 2\nsteps:\n  - grow: evol-instruct\n    rounds: 1\n    alsoSeeds: false\n  - grow: self-instruct\n    prompts: 7\n    alsoSeeds: ${seeds}\n  - complete: teacher\n`
  expect([true, false].map((seeds) => boundRun(checked(swapped(seeds)), 10).rows)).toEqual([27, 17])
})
