// Knows: what steps of a recipe require of each other: their order, their number, families that a step requires; and that each step's own
// check is made.
// Must not know: which members there are.
import type { Problem } from '../../domain/problem.ts'
import { FAMILIES, SINGLE_FAMILIES, type CheckedStep, type StepDraft } from '../../domain/recipe.ts'
import { findStep } from '../steps.ts'

const indexOf = (family: string): number => FAMILIES.findIndex((known) => known === family)

/** Problems of order and number. They need families and names only, so they are reported together with invalid settings. */
export function checkOrder(steps: readonly StepDraft[]): Problem[] {
  const problems: Problem[] = []
  let latest = -1
  steps.forEach(({ family }, step) => {
    const at = indexOf(family)
    if (at < 0) return
    if (at < latest) {
      const after = FAMILIES[latest]
      problems.push({
        sentence: `Step ${step + 1}: \`${family}\` comes after \`${after}\`. The order is ${FAMILIES.join(', ')}; move it up.`,
        step,
      })
    }
    latest = Math.max(latest, at)
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
  if (listOf('complete').length === 0)
    problems.push({
      sentence:
        'The recipe needs a `complete` step: without it there are no completions. Add `- complete: teacher`.',
      field: 'steps',
    })
  const reported = new Set<string>()
  steps.forEach(({ family, name }, step) => {
    const requires = findStep(family, name)?.requires
    if (requires === undefined || listOf(requires.family).length > 0 || reported.has(family)) return
    reported.add(family) // the first of a family is enough
    problems.push({ sentence: `Step ${step + 1}: ${requires.sentence}`, step })
  })
  return problems
}

/** Contradictions between settings whose values are each valid. */
export const checkTogether = (
  steps: readonly { readonly index: number; readonly step: CheckedStep }[],
): Problem[] =>
  steps.flatMap(({ index, step: { family, name, settings } }): Problem[] => {
    const declaration = findStep(family, name)
    return (declaration?.check?.(settings) ?? []).map(({ field, sentence }) => ({
      sentence: `Step ${index + 1} (${declaration?.title ?? name}): ${sentence}`,
      step: index,
      ...(field === undefined ? {} : { field }),
    }))
  })
