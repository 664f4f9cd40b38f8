// Knows: the last phase: which of the judged rows the recipe keeps. It decides over all rows at once, and repeating it changes nothing.
import type { RowId } from '../../domain/id.ts'
import type { StepDecision } from '../../domain/filter-decision.ts'
import type { Row } from '../../domain/row.ts'
import { findDrop } from '../../pipeline/filters/decide-filters.ts'
import { selectRows } from '../../pipeline/selecting/select-rows.ts'
import { inChunks, type RunContext } from './run-context.ts'
import { applyDecisions, statusInRun } from './row-status.ts'

const ROWS_PER_WRITE = 1000

interface Candidate extends Pick<Row, 'promptId' | 'order' | 'verdicts' | 'parent'> {
  readonly completion: string
  readonly id: RowId
  /** Decisions of the steps before the keep steps. */
  readonly decisions: readonly StepDecision[]
  readonly counted: Pick<Row, 'decisions' | 'verdicts' | 'step'>
}

/** Decides every row; returns the number of rows and of kept rows. */
export async function keepRows(context: RunContext): Promise<{ rows: number; kept: number }> {
  const { store, steps, live } = context
  const keepSteps = new Set(steps.keeps.map(({ index }) => index))
  const candidates: Candidate[] = []
  let rows = 0
  for await (const page of store.rows()) {
    for (const row of page) {
      rows += 1
      const before = row.decisions.filter(({ step }) => !keepSteps.has(step))
      // Rows dropped by the filters or the teacher stay dropped; the rest is decided, again if the run was resumed.
      if (
        findDrop(before) === undefined &&
        (statusInRun(row) !== 'dropped' || row.decisions.length > before.length)
      ) {
        candidates.push({
          id: row.id,
          promptId: row.promptId,
          order: row.order,
          completion: row.completion.text,
          ...(row.verdicts ? { verdicts: row.verdicts } : {}),
          ...(row.parent === undefined ? {} : { parent: row.parent }),
          decisions: before,
          counted: {
            decisions: row.decisions,
            ...(row.verdicts ? { verdicts: row.verdicts } : {}),
            ...(row.step === undefined ? {} : { step: row.step }),
          },
        })
      }
    }
  }
  live.enter('keeping', 0, candidates.length)
  const selected = selectRows(steps.keeps, candidates)
  let kept = 0
  for (const chunk of inChunks(candidates, ROWS_PER_WRITE)) {
    for (const { id, decisions: before, counted } of chunk) {
      const decisions = [...before, ...(selected.get(id) ?? [])]
      const drop = findDrop(decisions)
      if (drop === undefined) kept += 1
      live.tally.countRow(counted, -1)
      live.tally.countRow({ ...counted, decisions })
      store.change(id, (row) =>
        applyDecisions(row, {
          decisions,
          status: drop ? 'dropped' : 'kept',
          ...(drop ? { droppedBy: drop.name } : {}),
        }),
      )
    }
    await store.drain()
    live.count(chunk.length)
  }
  return { rows, kept }
}
