// Knows: what a step needs of a model, and what passes between steps, in words.
// Must not know: members.
import type { Family, Flow, ModelNeed } from '../../domain/recipe.ts'
import { FAMILY_TEXTS, type StepFlow } from '../../domain/step-flow.ts'
import { ABILITIES } from '../teacher/role-texts.ts'

/** “teacher: scores”. */
export const describeNeed = ({ role, ability }: Pick<ModelNeed, 'role' | 'ability'>): string =>
  `${role}: ${ABILITIES.find((known) => known.ability === ability)?.name ?? ability}`

const FLOWS: Readonly<Record<Flow, string>> = {
  seeds: 'seeds',
  prompts: 'prompts',
  completions: 'completions',
  verdicts: 'verdicts',
  comparisons: 'comparisons',
  dataset: 'a dataset',
  student: 'a student',
}

/** “completions and verdicts”; of prompts and completions a step takes one: “prompts or completions”. */
export function describeFlows(flows: readonly Flow[]): string {
  const words = flows.map((flow) => FLOWS[flow])
  return words.join(flows.includes('prompts') ? ' or ' : ' and ')
}

/** What a step gives; “those it keeps” for one that only drops some of what it takes. */
export const describeGives = (family: Family, { takes, gives }: StepFlow): string =>
  FAMILY_TEXTS[family].isDropping && gives.every((flow) => takes.includes(flow))
    ? 'those it keeps'
    : describeFlows(gives)
