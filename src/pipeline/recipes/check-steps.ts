// Knows: what steps of a recipe require of each other: their order, their number, families that a step requires; and that each step's own
// check is made.
// Must not know: which members there are.
import type { Problem } from '../../domain/problem.ts'
import { FAMILIES, PARTS, SINGLE_FAMILIES, type CheckedStep, type StepDraft } from '../../domain/recipe.ts'
import { findCompleter } from '../completing/index.ts'
import { findFilter } from '../filters/index.ts'
import { findPromptWork } from '../stages/index.ts'
import { findStep } from '../steps.ts'

const ORDER = [...new Set(FAMILIES.map((family) => PARTS[family]))]
const ORDER_SENTENCE =
  'The order is grow, then complete, then filter, judge, compare and tag in any order, then keep, freeze, train'

/** Whether the step may come before the complete step. Filters that decide on completions alone are reported as such. */
const canTakePrompts = ({ family, name }: StepDraft): boolean =>
  family === 'filter' || findPromptWork(family, name) !== undefined

/** Problems of order and number. They need families and names only, so they are reported together with invalid settings. */
export function checkOrder(steps: readonly StepDraft[]): Problem[] {
  const problems: Problem[] = []
  const isCompleter = ({ family, name }: StepDraft): boolean =>
    family === 'complete' && findCompleter(name) !== undefined
  const firstCompleter = steps.findIndex(isCompleter)
  let latest = 0
  let latestFamily = ''
  let work: string | undefined
  steps.forEach((draft, step) => {
    const family = FAMILIES.find((known) => known === draft.family)
    if (family === undefined) return
    const isEarly = step < firstCompleter
    const part = isEarly && canTakePrompts(draft) ? 0 : ORDER.indexOf(PARTS[family])
    const report = (sentence: string): number =>
      problems.push({ sentence: `Step ${step + 1}: ${sentence}`, step })
    if (part < latest) report(`\`${family}\` comes after \`${latestFamily}\`. ${ORDER_SENTENCE}; move it up.`)
    else if (PARTS[family] === 'completions' && isEarly && !canTakePrompts(draft))
      report(`\`${family}\` comes before \`complete\`, so there is no completion yet; move it down.`)
    else if (family === 'filter' && isEarly && findFilter(draft.name)?.ofPrompts === false)
      report(
        `a filter before \`complete\` decides on prompts, and \`${draft.name}\` decides on completions alone; move it down.`,
      )
    else if (isCompleter(draft) && work !== undefined)
      report(
        `\`complete: ${draft.name}\` writes completions of prompts, so it comes before \`${work}\`; move it up.`,
      )
    if (step > firstCompleter && PARTS[family] === 'completions' && !isCompleter(draft)) work ??= family
    if (part >= latest) [latest, latestFamily] = [part, family]
  })
  const listOf = (family: string): number[] =>
    steps.flatMap((step, index) => (step.family === family ? [index] : []))
  for (const family of SINGLE_FAMILIES) {
    for (const step of listOf(family).slice(1))
      problems.push({
        sentence: `Step ${step + 1} is a second \`${family}\` step; a recipe has one. Remove one of them.`,
        step,
      })
  }
  const isUnknown = ({ family, name }: StepDraft): boolean =>
    family === 'complete' && findStep(family, name) === undefined
  if (firstCompleter < 0 && !steps.some(isUnknown))
    problems.push({
      sentence:
        'The recipe needs a `complete` step: without it there are no completions. Add `- complete: teacher`.',
      field: 'steps',
    })
  const reported = new Set<string>()
  steps.forEach(({ family, name }, step) => {
    const requires = findStep(family, name)?.requires
    if (requires === undefined) return
    const isThere = steps.some(
      (other) =>
        other.family === requires.family && (requires.name === undefined || other.name === requires.name),
    )
    // The first step of a family that lacks the same is enough.
    const lack = `${family} ${requires.family} ${requires.name ?? ''}`
    if (isThere || reported.has(lack)) return
    reported.add(lack)
    problems.push({ sentence: `Step ${step + 1}: ${requires.sentence}`, step })
  })
  return problems
}

/** Contradictions between settings whose values are each valid. */
export const checkTogether = (
  steps: readonly { readonly index: number; readonly step: CheckedStep }[],
): Problem[] => {
  const first =
    steps.find(({ step: { family, name } }) => family === 'complete' && findCompleter(name))?.index ?? -1
  return steps.flatMap(({ index, step: { family, name, settings } }): Problem[] => {
    const declaration = findStep(family, name)
    const ofPrompts = index < first ? findPromptWork(family, name) : undefined
    const problems = [...(declaration?.check?.(settings) ?? []), ...(ofPrompts?.check?.(settings) ?? [])]
    return problems.map(({ field, sentence }) => ({
      sentence: `Step ${index + 1} (${declaration?.title ?? name}): ${sentence}`,
      step: index,
      ...(field === undefined ? {} : { field }),
    }))
  })
}
