// Knows: what steps of a recipe need of each other: their order, how many of each there may be, and settings that contradict.
import type { Problem } from '../../domain/problem.ts'
import { FAMILIES, type CheckedStep, type StepDraft } from '../../domain/recipe.ts'
import { findStep } from '../steps.ts'

const indexOf = (family: string): number => FAMILIES.findIndex((known) => known === family)

/** Problems of order and number. They need families only, so they are told beside wrong settings and not after them. */
export function checkOrder(steps: readonly StepDraft[]): Problem[] {
  const problems: Problem[] = []
  let latest = -1
  steps.forEach(({ family }, step) => {
    const at = indexOf(family)
    if (at < 0) return
    if (at < latest) {
      const after = FAMILIES[latest]
      problems.push({
        sentence: `Step ${step + 1}: \`${family}\` stands after \`${after}\`. The order is ${FAMILIES.join(', ')}; move it up.`,
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
        'The recipe needs a `complete` step: without it the teacher answers nothing. Add `- complete: teacher`.',
      field: 'steps',
    })
  const [keep] = listOf('keep')
  if (keep !== undefined && listOf('judge').length === 0) {
    problems.push({
      sentence: `Step ${keep + 1}: \`keep\` chooses by score and needs a judge. Add \`- judge: rubric\` before it, or remove it.`,
      step: keep,
    })
  }
  const [train] = listOf('train')
  if (train !== undefined && listOf('freeze').length === 0) {
    problems.push({
      sentence: `Step ${train + 1}: \`train\` measures the student on held-out rows and needs \`- freeze: split\` before it.`,
      step: train,
    })
  }
  return problems
}

/** Problems between settings whose values are each right on their own. */
export function checkTogether(
  steps: readonly { readonly index: number; readonly step: CheckedStep }[],
): Problem[] {
  return steps.flatMap(({ index, step: { family, name, settings } }): Problem[] => {
    const tell = (field: string, sentence: string): Problem[] => [
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
          return tell(
            'minWords',
            `\`minWords\` (${read('minWords')}) is more than \`maxWords\` (${read('maxWords')}), so nothing could pass.`,
          )
        if (read('lastItem') <= read('humanShots') + read('machineShots')) {
          return tell(
            'lastItem',
            `the list shows ${read('humanShots')} + ${read('machineShots')} prompts and ends at number ${read('lastItem')}, so none could be written. Raise \`lastItem\`.`,
          )
        }
        return []
      case 'filter/length':
        return read('min') > read('max')
          ? tell(
              'min',
              `\`min\` (${read('min')}) is more than \`max\` (${read('max')}), so nothing could pass.`,
            )
          : []
      case 'judge/rubric':
        return settings['rubric'] === 'own' && String(settings['own']).trim() === ''
          ? tell(
              'own',
              'the rubric is “own”, but `own` is empty. Write what a good answer has, or choose another rubric.',
            )
          : []
      default:
        return []
    }
  })
}
