// Knows: the third phase: a verdict for every row that the filters let through, stored as it comes.
import type { RowId } from '../../domain/id.ts'
import type { ScoreRequest, ScoreResult } from '../../domain/model.ts'
import type { Row } from '../../domain/row.ts'
import type { Verdict } from '../../domain/verdict.ts'
import { askVerdict, readVerdict, rubricOfSettings } from '../../pipeline/judging/expected-score.ts'
import { eachRow, readRows } from '../../storage/rows.ts'
import { askAndStore } from './ask-all.ts'
import { callScore, inPieces, makeRowWriter, REQUESTS_PER_CALL, type RunContext } from './run-context.ts'
import { settle, standingOf } from './standing.ts'

/** Carries the phase through; false when stopped before the end. */
export async function judgeRows(context: RunContext): Promise<boolean> {
  const {
    machines: { db },
    projectId,
    runId,
    steps,
    ref,
    teacher,
    control,
    live,
  } = context
  const { judge } = steps
  if (judge === undefined) return true
  const rubric = rubricOfSettings(judge.settings)
  const open: RowId[] = []
  let judged = 0
  for await (const page of eachRow(db, projectId, runId)) {
    for (const row of page) {
      if (row.verdict !== undefined) judged += 1
      else if (standingOf(row) === 'asked') open.push(row.id)
    }
  }
  live.enter('judging', judged, judged + open.length)
  const writer = makeRowWriter(context)
  for (const piece of inPieces(open, REQUESTS_PER_CALL)) {
    const rows = new Map<string, Row>((await readRows(db, projectId, piece)).map((row) => [row.id, row]))
    const give = (id: string, verdict: Verdict): void => {
      const row = rows.get(id)
      if (row === undefined) return
      live.tally.countRow(row, -1)
      live.tally.countRow({ ...row, verdict })
      writer.change(row.id, (stored) => settle(stored, { verdict, status: 'asked' }))
      live.count(1)
    }
    const unreadable = (reason: string): Verdict => ({
      kind: 'unreadable',
      rubric: rubric.name,
      judge: ref,
      reason,
    })
    const ended = await askAndStore<ScoreRequest, ScoreResult>(writer, {
      control,
      requests: [...rows.values()].map((row) =>
        askVerdict(
          row.id,
          { prompt: row.prompt, completion: row.completion.text },
          rubric,
          teacher.contextLength,
        ),
      ),
      call: callScore(context),
      take: (result) =>
        give(
          result.id,
          result.refusal === undefined
            ? readVerdict(result, { rubric: rubric.name, judge: ref, minMass: judge.settings.minMass })
            : unreadable(result.refusal),
        ),
      giveUp: ({ id }, why) => give(id, unreadable(why)),
    })
    if (!ended) return false
  }
  return true
}
