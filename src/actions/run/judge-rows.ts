// Knows: the third phase: a verdict for every row that passed the filters, stored as it arrives.
import { rubricOfSettings } from '../../pipeline/judging/rubric.ts'
import type { RowId } from '../../domain/id.ts'
import { refOf } from '../../domain/model-card.ts'
import type { Row } from '../../domain/row.ts'
import { verdictOf, withVerdict, type Verdict } from '../../domain/verdict.ts'
import { judgeText } from '../../pipeline/judging/judge-program.ts'
import { eachRow, readRows } from '../../storage/rows.ts'
import { inChunks, type RunContext } from './run-context.ts'
import { applyDecisions, statusInRun } from './row-status.ts'

/** Rows held at a time. */
const ROWS_PER_READ = 2000

/** Runs the phase; false when stopped before the end. */
export async function judgeRows(context: RunContext): Promise<boolean> {
  const {
    machines: { db },
    projectId,
    runId,
    steps,
    teacher,
    judge: ownJudge,
    live,
    executor,
    writer,
  } = context
  const { judge } = steps
  if (judge === undefined) return true
  const rubric = rubricOfSettings(judge.settings)
  const open: RowId[] = []
  let judged = 0
  for await (const page of eachRow(db, projectId, runId)) {
    for (const row of page) {
      if (verdictOf(row.verdicts, judge.index) !== undefined) judged += 1
      else if (statusInRun(row) === 'pending') open.push(row.id)
    }
  }
  live.enter('judging', judged, judged + open.length)
  const setVerdict = (row: Row, verdict: Verdict, isWorked: boolean): void => {
    live.tally.countRow(row, -1)
    live.tally.countRow({ ...row, verdicts: withVerdict(row.verdicts, judge.index, verdict) })
    writer.change(row.id, (stored) =>
      applyDecisions(stored, {
        verdicts: withVerdict(stored.verdicts, judge.index, verdict),
        status: 'pending',
      }),
    )
    live.count(1, isWorked)
  }
  const { card, contextLength } = ownJudge ?? teacher
  const judging = { rubric, judge: refOf(card), settings: judge.settings, contextLength }
  for (const chunk of inChunks(open, ROWS_PER_READ)) {
    const ended = await executor.each<Row, never, Verdict>({
      items: await readRows(db, projectId, chunk),
      program: ({ id, prompt, earlier, completion }) =>
        judgeText(id, { prompt, earlier, completion: completion.text }, judging),
      onEnd: (row, verdict, { made }) => setVerdict(row, verdict, made > 0),
    })
    if (!ended) return false
  }
  await writer.drain()
  return true
}
