// Knows: how tests select among whole rows, as a run does among what it holds of them.
import type { FilterDecision, StepDecision } from '../../../src/domain/filter-decision.ts'
import type { Settings, ValuesOf } from '../../../src/domain/settings.ts'
import type { PlacedKeep } from '../../../src/pipeline/recipes/read-steps.ts'
import { selectRows } from '../../../src/pipeline/selecting/select-rows.ts'
import { holdRow, type JudgedRow, type KeepMember } from '../../../src/pipeline/selecting/selection.ts'
import { drive } from '../programs/drive.ts'

const noCall = (): never => {
  throw new Error('selecting calls no model')
}

/** One decision per row. */
export function select<S extends Settings>(
  member: KeepMember<S>,
  rows: readonly JudgedRow[],
  settings: ValuesOf<S>,
): readonly FilterDecision[] {
  const selected = member.select(
    rows.map((row) => holdRow(row, [member])),
    settings,
  )
  return 'next' in selected ? drive(selected, noCall).outcome : selected
}

/** Each row's decisions by its id; a dropped row has no decisions of later steps. */
export function selectAll(
  keeps: readonly PlacedKeep[],
  rows: readonly JudgedRow[],
): Map<string, StepDecision[]> {
  const members = keeps.map(({ member }) => member)
  const decisions = new Map<string, StepDecision[]>(rows.map(({ id }) => [id, []]))
  let left = rows.map((row) => holdRow(row, members))
  for (const keep of keeps) {
    const { outcome } = drive(selectRows(keep, left), noCall)
    left = left.filter(({ id }, i) => {
      const decision = outcome[i]!
      decisions.get(id)?.push({ step: keep.index, name: keep.name, decision })
      return decision.kind === 'kept'
    })
  }
  return decisions
}
