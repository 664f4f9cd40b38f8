import { expect, test } from 'vitest'
import { dropped, kept } from '../../../src/domain/filter-decision.ts'
import { REPLACED } from '../../../src/pipeline/completing/revise.ts'
import { adviseOnRun } from '../../../src/pipeline/advice/run-advice.ts'
import { mostDropping, quantile, RunFactsCollector } from '../../../src/pipeline/advice/run-facts.ts'
import { advisedRow, makeFacts, readRecipe, TEACHER } from './make-facts.ts'

test('RunFactsCollector counts cut completions, scores, and the values that rows were dropped for', () => {
  const collector = new RunFactsCollector()
  collector.add(
    advisedRow('length', [{ step: 2, name: 'length', decision: dropped('too long', { words: 120 }) }]),
  )
  collector.add(advisedRow('end', [{ step: 2, name: 'length', decision: kept({ words: 20 }) }], 4.5))
  const facts = collector.facts({ recipe: readRecipe(), funnel: [], teacher: TEACHER })
  expect(facts).toMatchObject({ completions: 2, cut: 1, scores: [4.5], judge: { name: 'Little teacher' } })
  expect(facts.measured.get(2)).toEqual({ words: [120] })
})

test('mostDropping finds the step that drops most, and ignores steps whose purpose it is', () => {
  const many = [{ reason: 'x', count: 30 }]
  expect(
    mostDropping(makeFacts({ drops: { novelty: many, length: [{ reason: 'x', count: 20 }] } }))?.name,
  ).toBe('novelty')
  expect(mostDropping(makeFacts({ drops: { length: [{ reason: 'x', count: 11 }] } }))).toBeUndefined()
  expect(
    mostDropping({
      funnel: [{ step: 1, name: 'top', title: '', of: 'completion', reached: 40, passed: 10, reasons: many }],
    }),
  ).toBeUndefined()
})

test('mostDropping counts no row that left its revision in its place', () => {
  const bar = { step: 1, of: 'completion' as const, title: '' }
  const revise = {
    ...bar,
    name: 'revise',
    reached: 40,
    passed: 5,
    reasons: [{ reason: REPLACED, count: 34 }],
  }
  const length = { ...bar, name: 'length', reached: 10, passed: 6, reasons: [{ reason: 'x', count: 4 }] }
  expect(mostDropping({ funnel: [revise] })).toBeUndefined()
  expect(mostDropping({ funnel: [revise, length] })?.name).toBe('length')
})

test('quantile returns a value of the list, and undefined without values', () => {
  expect([quantile([3, 1, 2], 0.5), quantile([1], 0.9), quantile([1, 2], 1)]).toEqual([2, 1, 2])
  expect(quantile([], 0.5)).toBeUndefined()
})

test('adviseOnRun says nothing about a run without anything remarkable, and no more than four things', () => {
  expect(adviseOnRun(makeFacts())).toEqual([])
  const probe = { pairs: 8, foreignAsHigh: 8, meanOwn: 3, meanForeign: 3 }
  const scores = Array.from({ length: 40 }, () => 3)
  const bad = makeFacts({
    cut: 30,
    scores,
    judge: TEACHER,
    probe,
    drops: {
      'self-instruct': [{ reason: 'too similar to an earlier prompt: ROUGE-L above 0.7', count: 30 }],
      threshold: [{ reason: 'score below 3.5', count: 40 }],
    },
  })
  expect(adviseOnRun(bad).map(({ id }) => id)).toEqual([
    'cut-at-max-tokens',
    'repeating-growth',
    'foreign-scored-high',
    'flat-scores',
  ])
})
