// Knows: the advice on a teacher that finds every evolved prompt equal to the one before.
import { FOUND_EQUAL } from '../growing/evol-instruct.ts'
import { readSteps } from '../recipes/read-steps.ts'
import type { Advice } from './advice.ts'
import type { RunFacts } from './run-facts.ts'

/** Fewer may be chance. */
const MIN_FOUND = 10
/** From this share on the comparison shows more about the teacher than about the prompts. */
const MIN_SHARE = 0.8

export function adviseOnEqual({ recipe, funnel }: RunFacts): Advice | undefined {
  const { grow } = readSteps(recipe)
  const bar = funnel.find(({ of }) => of === 'prompt')
  if (grow?.name !== 'evol-instruct' || bar === undefined) return undefined
  const found = bar.reasons.find(({ reason }) => reason === FOUND_EQUAL)?.count ?? 0
  if (found < MIN_FOUND || found < MIN_SHARE * bar.reached) return undefined
  return {
    id: 'found-equal',
    sentence: `The teacher found ${found} of ${bar.reached} evolved prompts equal to the one before. Small models say so of everything: switch this comparison off, or load a larger teacher.`,
    remedy: {
      label: 'Switch it off',
      change: { kind: 'set', step: grow.index, field: 'checkEquality', value: false },
    },
  }
}
