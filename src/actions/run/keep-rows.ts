// Knows: the last phase: which of the judged rows the recipe keeps. It looks at all rows at once, and doing it again changes nothing.
import type { RowId } from '../../domain/id.ts'
import type { StepAnswer } from '../../domain/filter-answer.ts'
import type { Row } from '../../domain/row.ts'
import { findDrop } from '../../pipeline/filters/decide-filters.ts'
import { selectRows } from '../../pipeline/selecting/select-rows.ts'
import { eachRow } from '../../storage/rows.ts'
import { inPieces, makeRowWriter, type RunContext } from './run-context.ts'
import { settle, standingOf } from './standing.ts'

const ROWS_AT_ONCE = 1000

interface Candidate extends Pick<Row, 'promptId' | 'order' | 'verdict'> {
  readonly completion: string
  readonly id: RowId
  /** Answers of the steps before the keep steps. */
  readonly before: readonly StepAnswer[]
  readonly counted: Pick<Row, 'answers' | 'verdict'>
}

/** Decides every row; gives the number of rows and of those kept. */
export async function keepRows(context: RunContext): Promise<{ rows: number; kept: number }> {
  const {
    machines: { db },
    projectId,
    runId,
    steps,
    live,
  } = context
  const keepSteps = new Set(steps.keeps.map(({ index }) => index))
  const candidates: Candidate[] = []
  let rows = 0
  for await (const page of eachRow(db, projectId, runId)) {
    for (const row of page) {
      rows += 1
      const before = row.answers.filter(({ step }) => !keepSteps.has(step))
      // What the filters or the teacher dropped stays dropped; the rest is looked at, a second time where a run goes on.
      if (
        findDrop(before) === undefined &&
        (standingOf(row) !== 'dropped' || row.answers.length > before.length)
      ) {
        candidates.push({
          id: row.id,
          promptId: row.promptId,
          order: row.order,
          completion: row.completion.text,
          ...(row.verdict ? { verdict: row.verdict } : {}),
          before,
          counted: { answers: row.answers, ...(row.verdict ? { verdict: row.verdict } : {}) },
        })
      }
    }
  }
  live.enter('keeping', 0, candidates.length)
  const said = selectRows(steps.keeps, candidates)
  const writer = makeRowWriter(context)
  let kept = 0
  for (const piece of inPieces(candidates, ROWS_AT_ONCE)) {
    for (const { id, before, counted } of piece) {
      const answers = [...before, ...(said.get(id) ?? [])]
      const drop = findDrop(answers)
      if (drop === undefined) kept += 1
      live.tally.countRow(counted, -1)
      live.tally.countRow({ ...counted, answers })
      writer.change(id, (row) =>
        settle(row, {
          answers,
          status: drop ? 'dropped' : 'kept',
          ...(drop ? { droppedBy: drop.name } : {}),
        }),
      )
    }
    await writer.drain()
    live.count(piece.length)
  }
  return { rows, kept }
}
