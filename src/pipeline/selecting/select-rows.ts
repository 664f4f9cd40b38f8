// Knows: how judged rows pass through all keep steps of a recipe: each step gets only the rows that earlier ones kept.
import type { StepDecision } from '../../domain/filter-decision.ts'
import type { PlacedKeep } from '../recipes/read-steps.ts'
import type { JudgedRow } from './selection.ts'

/** Each row's decisions by its id; a dropped row has no decisions of later steps. */
export function selectRows<Row extends JudgedRow>(
  keeps: readonly PlacedKeep[],
  rows: readonly Row[],
): Map<Row['id'], StepDecision[]> {
  const decisions = new Map<Row['id'], StepDecision[]>(rows.map(({ id }) => [id, []]))
  let left = rows
  for (const { index, name, member, settings } of keeps) {
    const selected = member.select(left, settings)
    left = left.filter((row, i) => {
      const decision = selected[i]
      if (!decision)
        throw new RangeError(`keep step ${name} made ${selected.length} decisions on ${left.length} rows`)
      decisions.get(row.id)?.push({ step: index, name, decision })
      return decision.kind === 'kept'
    })
  }
  return decisions
}
