// Knows: when growth repeats itself: many grown prompts resemble a seed or an earlier prompt.
import { readSteps, type PlacedGrow } from '../recipes/read-steps.ts'
import type { Advice } from './advice.ts'
import type { RunFacts } from './run-facts.ts'

const MIN_REPEATS = 5
const MIN_SHARE = 0.3
/** Temperatures above this make small teachers incoherent. */
const MAX_TEMPERATURE = 1.1
const STEP = 0.2

/** Of several such steps the first. */
export const adviseOnGrowth = ({ recipe, funnel }: RunFacts): Advice | undefined =>
  readSteps(recipe)
    .growers.filter(({ name }) => name === 'self-instruct')
    .map((grow) => adviseOnStep(grow, funnel))
    .find((advice) => advice !== undefined)

function adviseOnStep(grow: PlacedGrow, funnel: RunFacts['funnel']): Advice | undefined {
  const bar = funnel.find(({ step }) => step === grow.index)
  if (bar === undefined) return undefined
  const repeats = bar.reasons
    .filter(({ reason }) => reason.includes('ROUGE-L'))
    .reduce((sum, { count }) => sum + count, 0)
  if (repeats < MIN_REPEATS || repeats < MIN_SHARE * bar.reached) return undefined
  const [temperature, prompts] = [Number(grow.settings['temperature']), Number(grow.settings['prompts'])]
  const value = Math.round(100 * Math.min(MAX_TEMPERATURE, temperature + STEP)) / 100
  const seen = `Growth repeats itself: ${repeats} of ${bar.reached} prompts resemble a seed or an earlier prompt${bar.passed < prompts ? `, and only ${bar.passed} of ${prompts} were found` : ''}.`
  if (value <= temperature)
    return {
      id: 'repeating-growth',
      sentence: `${seen} Its temperature is ${temperature} already: add seeds of other kinds.`,
      remedy: { label: 'Open Seeds', change: { kind: 'open', screen: 'seeds' } },
    }
  return {
    id: 'repeating-growth',
    sentence: `${seen} Raise its temperature from ${temperature} to ${value}, or add seeds.`,
    remedy: {
      label: `Set Temperature to ${value}`,
      change: { kind: 'set', step: grow.index, field: 'temperature', value },
    },
  }
}
