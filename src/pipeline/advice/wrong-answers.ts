// Knows: when most completions are dropped because their final answer is wrong or missing.
import type { Advice } from './advice.ts'
import { completeOf, mostDroppingIs, type RunFacts } from './run-facts.ts'

/** Completions per prompt that are worth their time. */
const MAX_SAMPLES = 8

export function adviseOnWrong(facts: RunFacts): Advice | undefined {
  const bar = mostDroppingIs(facts, 'final-answer')
  if (bar === undefined) return undefined
  const complete = completeOf(facts.recipe)
  if (complete === undefined) return undefined
  const { index, settings } = complete
  const seen = `${bar.reached - bar.passed} of ${bar.reached} final answers are wrong or missing.`
  const value = Math.min(MAX_SAMPLES, 2 * Math.max(2, settings.n))
  if (bar.passed === 0 || value <= settings.n)
    return {
      id: 'wrong-answers',
      sentence: `${seen} Another teacher, or easier prompts, would give more right ones.`,
      remedy: { label: 'Open Teacher', change: { kind: 'open', screen: 'teacher' } },
    }
  return {
    id: 'wrong-answers',
    sentence: `${seen} With ${value} completions per prompt, more prompts get a right one; the run takes ${Math.round(value / settings.n)} times as long.`,
    remedy: {
      label: `Set Completions per prompt to ${value}`,
      change: { kind: 'set', step: index, field: 'n', value },
    },
  }
}
