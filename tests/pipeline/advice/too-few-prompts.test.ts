// Knows: when a comparison is said to be too small, on constructed results.
import { describe, expect, it } from 'vitest'
import { makeRng } from '../../../src/domain/rng.ts'
import { adviseOnTooFewPrompts } from '../../../src/pipeline/advice/too-few-prompts.ts'
import { countWins } from '../../../src/pipeline/statistics/wins.ts'

const wins = (won: number, tied: number, lost: number) =>
  countWins(
    [
      ...Array.from({ length: won }, () => ({ outcome: 'first' as const })),
      ...Array.from({ length: tied }, () => ({ outcome: 'tie' as const })),
      ...Array.from({ length: lost }, () => ({ outcome: 'second' as const })),
    ],
    makeRng('test'),
  )

describe('adviseOnTooFewPrompts', () => {
  it('says how many would show the rate that was seen, and offers as many as there are', () => {
    const advice = adviseOnTooFewPrompts(wins(6, 0, 4), 60)
    expect(advice?.sentence).toMatch(
      /^10 prompts are too few to show a difference: the win rate of 60 % may be anything from \d+ % to \d+ %\. If it is right, about 18\d|19\d prompts show it/,
    )
    expect(advice?.sentence).toContain('This dataset has 60 held-out prompts')
    expect(advice?.remedy).toEqual({
      label: 'Compare on 60 prompts',
      change: { kind: 'compare-prompts', prompts: 60 },
    })
  })
  it('says how many would show a worthwhile rate if all are ties', () => {
    const advice = adviseOnTooFewPrompts(wins(0, 8, 0), 500)
    expect(advice?.sentence).toContain('About 197 prompts show a win rate of 60 %')
    expect(advice?.remedy?.change).toEqual({ kind: 'compare-prompts', prompts: 197 })
  })
  it('offers nothing if the dataset has no more prompts', () => {
    expect(adviseOnTooFewPrompts(wins(3, 0, 2), 5)?.remedy).toBeUndefined()
  })
  it.each([
    ['the difference shows', wins(18, 1, 1)],
    ['it shows the other way', wins(1, 1, 18)],
    ['a hundred prompts were compared', wins(52, 0, 48)],
    ['nothing could be read', wins(0, 0, 0)],
  ])('is silent if %s', (_why, result) => {
    expect(adviseOnTooFewPrompts(result, 200)).toBeUndefined()
  })
})
