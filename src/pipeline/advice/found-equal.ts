// Knows: the advice on a teacher that finds every evolved prompt equal to the one before.
import { FOUND_EQUAL } from '../growing/evol-instruct.ts'
import { REPLACED } from '../growing/growth.ts'
import { readSteps, type PlacedGrow } from '../recipes/read-steps.ts'
import type { Advice } from './advice.ts'
import type { RunFacts } from './run-facts.ts'

/** Fewer may be chance. */
const MIN_FOUND = 10
/** From this share on the comparison shows more about the teacher than about the prompts. */
const MIN_SHARE = 0.8

/** Of several such steps the first. */
export const adviseOnEqual = ({ recipe, funnel }: RunFacts): Advice | undefined =>
  readSteps(recipe)
    .growers.filter(({ name }) => name === 'evol-instruct')
    .map((grow) => adviseOnStep(grow, funnel))
    .find((advice) => advice !== undefined)

function adviseOnStep(grow: PlacedGrow, funnel: RunFacts['funnel']): Advice | undefined {
  const bar = funnel.find(({ step }) => step === grow.index)
  if (bar === undefined) return undefined
  const found = bar.reasons.find(({ reason }) => reason === FOUND_EQUAL)?.count ?? 0
  const replaced = bar.reasons.find(({ reason }) => reason === REPLACED)?.count ?? 0
  const evolved = bar.reached - replaced
  if (found < MIN_FOUND || found < MIN_SHARE * evolved) return undefined
  return {
    id: 'found-equal',
    sentence: `The teacher found ${found} of ${evolved} evolved prompts equal to the one before. Small models say so of everything: switch this comparison off, or load a larger teacher.`,
    remedy: {
      label: 'Switch it off',
      change: { kind: 'set', step: grow.index, field: 'checkEquality', value: false },
    },
  }
}
