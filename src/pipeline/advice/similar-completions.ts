// Knows: when most completions are dropped because they resemble earlier ones or their prompt.
import type { Advice } from './advice.ts'
import { completeOf, mostDroppingIs, type RunFacts } from './run-facts.ts'

/** Temperatures above this make small teachers incoherent. */
const MAX_TEMPERATURE = 1.1
const STEP = 0.2

export function adviseOnSimilar(facts: RunFacts): Advice | undefined {
  const bar = mostDroppingIs(facts, 'novelty')
  if (bar === undefined) return undefined
  const echoes = bar.reasons
    .filter(({ reason }) => reason.startsWith('repeats its prompt'))
    .reduce((sum, { count }) => sum + count, 0)
  const dropped = bar.reached - bar.passed
  if (2 * echoes > dropped)
    return {
      id: 'similar-completions',
      sentence: `${echoes} of ${bar.reached} completions repeat their prompt instead of answering it. Another teacher helps, or a system prompt that says what to write.`,
      remedy: { label: 'Open Teacher', change: { kind: 'open', screen: 'teacher' } },
    }
  const complete = completeOf(facts.recipe)
  if (complete === undefined) return undefined
  const { index, settings } = complete
  const value = Math.round(100 * Math.min(MAX_TEMPERATURE, settings.temperature + STEP)) / 100
  const seen = `${dropped} of ${bar.reached} completions are too similar to an earlier one.`
  if (value <= settings.temperature)
    return {
      id: 'similar-completions',
      sentence: `${seen} More varied seeds lead to more varied completions.`,
      remedy: { label: 'Open Seeds', change: { kind: 'open', screen: 'seeds' } },
    }
  return {
    id: 'similar-completions',
    sentence: `${seen} Raise the temperature of Complete from ${settings.temperature} to ${value}.`,
    remedy: {
      label: `Set Temperature to ${value}`,
      change: { kind: 'set', step: index, field: 'temperature', value },
    },
  }
}
