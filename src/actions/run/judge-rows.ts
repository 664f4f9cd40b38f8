// Knows: the third phase: a verdict for every row that passed the filters, stored as it arrives.
import type { RowId } from '../../domain/id.ts'
import type { ScoreRequest, ScoreResult } from '../../domain/completion-request.ts'
import type { Row } from '../../domain/row.ts'
import type { Verdict } from '../../domain/verdict.ts'
import { buildVerdictRequest, readVerdict, rubricOfSettings } from '../../pipeline/judging/expected-score.ts'
import { verdictOnEmpty } from '../../pipeline/judging/empty-text.ts'
import { contextForJudge } from '../../pipeline/judging/reasoning.ts'
import { eachRow, readRows } from '../../storage/rows.ts'
import { requestAndStore } from './request-all.ts'
import { callScore, inChunks, makeRowWriter, REQUESTS_PER_CALL, type RunContext } from './run-context.ts'
import { applyDecisions, statusInRun } from './row-status.ts'

/** Runs the phase; false when stopped before the end. */
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
      else if (statusInRun(row) === 'pending') open.push(row.id)
    }
  }
  live.enter('judging', judged, judged + open.length)
  const writer = makeRowWriter(context)
  for (const chunk of inChunks(open, REQUESTS_PER_CALL)) {
    const rows = new Map<string, Row>((await readRows(db, projectId, chunk)).map((row) => [row.id, row]))
    const setVerdict = (id: string, verdict: Verdict): void => {
      const row = rows.get(id)
      if (row === undefined) return
      live.tally.countRow(row, -1)
      live.tally.countRow({ ...row, verdict })
      writer.change(row.id, (stored) => applyDecisions(stored, { verdict, status: 'pending' }))
      live.count(1)
    }
    const unreadable = (reason: string): Verdict => ({
      kind: 'unreadable',
      rubric: rubric.name,
      judge: ref,
      reason,
    })
    const requests: ScoreRequest[] = []
    for (const { id, prompt, completion } of rows.values()) {
      const verdict = verdictOnEmpty(completion.text, { rubric: rubric.name, judge: ref })
      if (verdict !== undefined) setVerdict(id, verdict)
      else
        requests.push(
          buildVerdictRequest(
            id,
            { prompt, completion: completion.text },
            rubric,
            contextForJudge(teacher.contextLength, judge.settings),
          ),
        )
    }
    const ended = await requestAndStore<ScoreRequest, ScoreResult>(writer, {
      control,
      requests,
      call: callScore(context, judge.settings),
      onResult: (result) =>
        setVerdict(
          result.id,
          result.refusal === undefined
            ? readVerdict(result, { rubric: rubric.name, judge: ref, minMass: judge.settings.minMass })
            : unreadable(result.refusal),
        ),
      onFailure: ({ id }, reason) => setVerdict(id, unreadable(reason)),
    })
    if (!ended) return false
  }
  return true
}
