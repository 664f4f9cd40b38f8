// Knows: what steps of a recipe require of each other: their order, their number, and settings that contradict each other.
import type { Problem } from '../../domain/problem.ts'
import { FAMILIES, type CheckedStep, type StepDraft } from '../../domain/recipe.ts'
import { findStep } from '../steps.ts'

const indexOf = (family: string): number => FAMILIES.findIndex((known) => known === family)

/** Problems of order and number. They need families only, so they are reported together with invalid settings. */
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
  for (const family of ['grow', 'complete', 'judge', 'freeze', 'train']) {
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
  const [keep] = listOf('keep')
  if (keep !== undefined && listOf('judge').length === 0) {
    problems.push({
      sentence: `Step ${keep + 1}: \`keep\` selects by score and needs a judge. Add \`- judge: rubric\` before it, or remove it.`,
      step: keep,
    })
  }
  const [train] = listOf('train')
  if (train !== undefined && listOf('freeze').length === 0) {
    problems.push({
      sentence: `Step ${train + 1}: \`train\` evaluates the student on held-out rows and needs \`- freeze: split\` before it.`,
      step: train,
    })
  }
  return problems
}

/** Contradictions between settings whose values are each valid. */
export function checkTogether(
  steps: readonly { readonly index: number; readonly step: CheckedStep }[],
): Problem[] {
  return steps.flatMap(({ index, step: { family, name, settings } }): Problem[] => {
    const problem = (field: string, sentence: string): Problem[] => [
      {
        sentence: `Step ${index + 1} (${findStep(family, name)?.title ?? name}): ${sentence}`,
        step: index,
        field,
      },
    ]
    const read = (field: string): number => Number(settings[field])
    switch (`${family}/${name}`) {
      case 'grow/self-instruct':
        if (read('minWords') > read('maxWords'))
          return problem(
            'minWords',
            `\`minWords\` (${read('minWords')}) is more than \`maxWords\` (${read('maxWords')}), so nothing can pass.`,
          )
        if (read('lastItem') <= read('humanShots') + read('machineShots')) {
          return problem(
            'lastItem',
            `the list shows ${read('humanShots')} + ${read('machineShots')} prompts and ends at number ${read('lastItem')}, so there is no room for new ones. Raise \`lastItem\`.`,
          )
        }
        return []
      case 'filter/length':
        return read('min') > read('max')
          ? problem(
              'min',
              `\`min\` (${read('min')}) is more than \`max\` (${read('max')}), so nothing can pass.`,
            )
          : []
      case 'judge/rubric':
        return settings['rubric'] === 'own' && String(settings['own']).trim() === ''
          ? problem(
              'own',
              'the rubric is “own”, but `own` is empty. Describe a good completion, or choose another rubric.',
            )
          : []
      default:
        return []
    }
  })
}
