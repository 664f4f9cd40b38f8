// Knows: when the minimum score drops most completions, and the minimum that would keep about half of what was judged.
import type { Advice } from './advice.ts'
import { mostDroppingIs, numberOf, quantile, type RunFacts } from './run-facts.ts'

/** The lowest minimum: every score reaches it. */
const LOWEST = 1

export function adviseOnThreshold(facts: RunFacts): Advice | undefined {
  const bar = mostDroppingIs(facts, 'threshold')
  const min = bar && numberOf(facts.recipe, bar.step, 'min')
  const middle = quantile(facts.scores, 0.5)
  if (bar === undefined || min === undefined || middle === undefined) return undefined
  const dropped = bar.reached - bar.passed
  const seen = `${dropped} of ${bar.reached} completions scored below ${min}; half of them score ${middle.toFixed(2)} or less.`
  const value = Math.max(LOWEST, Math.floor(10 * middle) / 10)
  if (value >= min)
    return { id: 'score-below-threshold', sentence: `${seen} A better teacher would raise the scores.` }
  const kept = facts.scores.filter((score) => score >= value).length
  return {
    id: 'score-below-threshold',
    sentence: `${seen} A minimum of ${value} would keep ${kept} of ${facts.scores.length}. Read some rows near it first.`,
    remedy: {
      label: `Set Minimum score to ${value}`,
      change: { kind: 'set', step: bar.step, field: 'min', value },
    },
  }
}
