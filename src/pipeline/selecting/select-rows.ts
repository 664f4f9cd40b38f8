// Knows: how judged rows go through all keep steps of a recipe: each looks only at what the ones before it kept.
import type { StepAnswer } from '../../domain/filter-answer.ts'
import type { PlacedKeep } from '../recipes/read-steps.ts'
import type { JudgedRow } from './selection.ts'

/** Each row's answers, by its id; a row that was dropped has no answers of later steps. */
export function selectRows<Row extends JudgedRow>(
  keeps: readonly PlacedKeep[],
  rows: readonly Row[],
): Map<Row['id'], StepAnswer[]> {
  const answers = new Map<Row['id'], StepAnswer[]>(rows.map(({ id }) => [id, []]))
  let standing = rows
  for (const { index, name, member, settings } of keeps) {
    const said = member.select(standing, settings)
    standing = standing.filter((row, i) => {
      const answer = said[i]
      if (!answer)
        throw new RangeError(`keep step ${name} gave ${said.length} answers for ${standing.length} rows`)
      answers.get(row.id)?.push({ step: index, name, answer })
      return answer.kind === 'kept'
    })
  }
  return answers
}
