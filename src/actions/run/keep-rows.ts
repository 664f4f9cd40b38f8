// Knows: the last phase: which of the judged rows the recipe keeps. It decides over all rows at once, of which it holds little, and repeating
// it changes nothing.
import { kept, type StepDecision } from '../../domain/filter-decision.ts'
import type { RowId } from '../../domain/id.ts'
import { findDrop } from '../../pipeline/filters/decide-filters.ts'
import { selectRows } from '../../pipeline/selecting/select-rows.ts'
import { holdRow, type HeldRow } from '../../pipeline/selecting/selection.ts'
import { Breather } from '../executing/breather.ts'
import { inChunks, ROWS_PER_PAGE, ROWS_PER_WRITE, type RunContext } from './run-context.ts'
import { applyDecisions, statusInRun } from './row-status.ts'

interface Candidate {
  readonly id: RowId
  readonly held: HeldRow
  /** What the keep steps decided on it before the run was resumed. */
  readonly earlier: readonly StepDecision[]
  readonly made: StepDecision[]
}

/** Decides every row; returns the number of rows and of kept rows, or undefined when stopped before the end. */
export async function keepRows(context: RunContext): Promise<{ rows: number; kept: number } | undefined> {
  const { store, steps, live, executor } = context
  const keepSteps = new Set(steps.keeps.map(({ index }) => index))
  const members = steps.keeps.map(({ member }) => member)
  const breather = new Breather()
  const candidates: Candidate[] = []
  let rows = 0
  for await (const page of store.rows(ROWS_PER_PAGE)) {
    for (const row of page) {
      rows += 1
      const earlier = row.decisions.filter(({ step }) => keepSteps.has(step))
      const decisions = row.decisions.filter(({ step }) => !keepSteps.has(step))
      // Rows dropped by the filters or the teacher stay dropped; the rest is decided, again if the run was resumed.
      if (findDrop(decisions) === undefined && (statusInRun(row) !== 'dropped' || earlier.length > 0)) {
        const held = holdRow({ ...row, completion: row.completion.text, decisions }, members)
        candidates.push({ id: row.id, held, earlier, made: [] })
      }
      if (breather.isDue) await breather.pause()
    }
  }
  live.enter('keeping', 0, candidates.length)
  let left: readonly Candidate[] = candidates
  for (const keep of steps.keeps) {
    const some = left
    const selected = await executor.together(keep.member.title, () =>
      selectRows(
        keep,
        some.map(({ held }) => held),
      ),
    )
    if (selected.stopped) return undefined
    left = some.filter(({ made }, i) => {
      const decision = selected.outcome[i] ?? kept()
      made.push({ step: keep.index, name: keep.name, decision })
      return decision.kind === 'kept'
    })
  }
  for (const chunk of inChunks(candidates, ROWS_PER_WRITE)) {
    for (const { id, earlier, made } of chunk) {
      // Decided before the run was interrupted.
      if (earlier.length > 0 && JSON.stringify(earlier) === JSON.stringify(made)) continue
      const drop = findDrop(made)
      live.tally.countDecisions(earlier, -1)
      live.tally.countDecisions(made)
      store.change(id, (row) =>
        applyDecisions(row, {
          decisions: [...row.decisions.filter(({ step }) => !keepSteps.has(step)), ...made],
          status: drop ? 'dropped' : 'kept',
          ...(drop ? { droppedBy: drop.name } : {}),
        }),
      )
    }
    await store.drain()
    live.count(chunk.length)
  }
  return { rows, kept: left.length }
}
