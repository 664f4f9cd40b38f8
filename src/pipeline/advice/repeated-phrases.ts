// Knows: when most completions are dropped because they repeat their own phrases.
import type { Advice } from './advice.ts'
import { completeOf, mostDroppingIs, type RunFacts } from './run-facts.ts'

/** A penalty that stops loops and does little else. */
const PENALTY = 1.1

export function adviseOnPhrases(facts: RunFacts): Advice | undefined {
  const bar = mostDroppingIs(facts, 'repetition')
  if (bar === undefined) return undefined
  const complete = completeOf(facts.recipe)
  if (complete === undefined) return undefined
  const { index, settings } = complete
  const seen = `${bar.reached - bar.passed} of ${bar.reached} completions repeat their own phrases.`
  if (settings.repetitionPenalty >= PENALTY)
    return {
      id: 'repeated-phrases',
      sentence: `${seen} The repetition penalty is ${settings.repetitionPenalty} already: another teacher would help more than a higher one.`,
      remedy: { label: 'Open Teacher', change: { kind: 'open', screen: 'teacher' } },
    }
  return {
    id: 'repeated-phrases',
    sentence: `${seen} Raise the repetition penalty of Complete from ${settings.repetitionPenalty} to ${PENALTY}.`,
    remedy: {
      label: `Set Repetition penalty to ${PENALTY}`,
      change: { kind: 'set', step: index, field: 'repetitionPenalty', value: PENALTY },
    },
  }
}
