// Knows: how a run's judge is probed once, after its last verdict, and where the outcome is stored.
import type { Row } from '../../domain/row.ts'
import { readVerdict } from '../../pipeline/judging/expected-score.ts'
import { rubricOfSettings } from '../../pipeline/judging/rubric.ts'
import { planProbe, readProbe } from '../../pipeline/judging/probe.ts'
import { scoreAfterReasoning } from '../../pipeline/judging/judge-program.ts'
import { contextForJudge } from '../../pipeline/judging/reasoning.ts'
import { verdictOf } from '../../domain/verdict.ts'
import { stageContext, type RunContext } from './run-context.ts'

/** Rows read to find some with different prompts. */
const ROWS_READ = 500

/** Runs the probe unless it is stored already; false when stopped before the end. A judge that cannot be probed has no probe. */
export async function probeJudge(context: RunContext): Promise<boolean> {
  const {
    store,
    steps: { judge },
    executor,
  } = context
  if (judge === undefined || (await store.probe()) !== undefined) return true
  const { ref, contextLength } = stageContext(context, judge.index).modelOf(judge.settings.by)
  const rubric = rubricOfSettings(judge.settings)
  let rows: readonly Row[] = []
  for await (const page of store.rows(ROWS_READ)) {
    rows = page
    break
  }
  const probe = planProbe(
    rows.map((row) => ({ ...row, verdict: verdictOf(row.verdicts, judge.index) })),
    rubric,
    contextForJudge(contextLength, judge.settings),
  )
  if (probe === undefined) return true
  const scores = new Map<string, number>()
  const ended = await executor.each({
    items: probe.requests,
    program: (request) => scoreAfterReasoning(judge.settings.by, request, judge.settings),
    onEnd: ({ id }, result) => {
      const verdict =
        result.refusal === undefined
          ? readVerdict(result, { rubric: rubric.name, judge: ref, minMass: judge.settings.minMass })
          : undefined
      if (verdict?.kind === 'score') scores.set(id, verdict.score)
    },
    // Left out like one whose score cannot be read.
    onFailure: () => undefined,
  })
  if (!ended) return false
  const outcome = readProbe(probe, scores)
  if (outcome !== undefined) await store.putProbe(outcome)
  return true
}
