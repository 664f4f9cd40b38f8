// Knows: how judged rows pass a keep step, with pauses. Each step gets only the rows that earlier ones kept.
import type { FilterDecision } from '../../domain/filter-decision.ts'
import { pause, type Program } from '../programs/program.ts'
import type { PlacedKeep } from '../recipes/read-steps.ts'
import type { HeldRow } from './selection.ts'

/** Rows decided without a pause by a member that looks at each alone. */
const ROWS_PER_PAUSE = 1000

/** One decision per row, in the rows' order. Throws a RangeError if the member decided on fewer or more. */
export function* selectRows(
  { name, member, settings }: PlacedKeep,
  rows: readonly HeldRow[],
): Program<readonly FilterDecision[]> {
  const decisions: FilterDecision[] = []
  const size = member.comparesRows ? rows.length : ROWS_PER_PAUSE
  for (let from = 0; from < rows.length; from += size) {
    const some = rows.slice(from, from + size)
    const selected = member.select(some, settings)
    const made = 'next' in selected ? yield* selected : selected
    if (made.length !== some.length)
      throw new RangeError(`keep step ${name} made ${made.length} decisions on ${some.length} rows`)
    for (const decision of made) {
      if (decision === undefined) throw new RangeError(`keep step ${name} made no decision on a row`)
      decisions.push(decision)
    }
    yield* pause()
  }
  return decisions
}
