// Knows: how a judge is probed: some completions are shown to it with another row's prompt. A judge that reads the prompt scores
// them lower than with their own.
// Must not know: workers, storage.
import type { ScoreRequest } from '../../domain/completion-request.ts'
import type { Row } from '../../domain/row.ts'
import type { JudgeProbe } from '../../domain/run.ts'
import type { Verdict } from '../../domain/verdict.ts'
import type { Rubric } from '../templates/rubrics.ts'
import { buildVerdictRequest } from './expected-score.ts'

/** Completions that are scored a second time: enough to distinguish guessing from reading, few compared with a run. */
const PAIRS = 8
/** Fewer show nothing. */
const MIN_PAIRS = 4

type ProbedRow = Pick<Row, 'id' | 'prompt' | 'completion'> & { readonly verdict?: Verdict | undefined }

export interface PlannedProbe {
  readonly requests: readonly ScoreRequest[]
  /** Each request's score with its own prompt, by its id. */
  readonly own: ReadonlyMap<string, number>
}

/**
 * Requests that score completions under the prompt of another row: the first scored rows with different prompts, each with the
 * prompt of the next one. Undefined if there are too few.
 */
export function planProbe(
  rows: readonly ProbedRow[],
  rubric: Rubric,
  contextLength?: number,
): PlannedProbe | undefined {
  const byPrompt = new Map<string, { readonly row: ProbedRow; readonly score: number }>()
  for (const row of rows) {
    if (byPrompt.size === PAIRS) break
    if (row.verdict?.kind === 'score' && row.completion.text.trim() !== '' && !byPrompt.has(row.prompt))
      byPrompt.set(row.prompt, { row, score: row.verdict.score })
  }
  const chosen = [...byPrompt.values()]
  if (chosen.length < MIN_PAIRS) return undefined
  const idOf = (i: number): string => `probe-${i}`
  return {
    requests: chosen.map(({ row }, i) =>
      buildVerdictRequest(
        idOf(i),
        {
          prompt: chosen[(i + 1) % chosen.length]?.row.prompt ?? '',
          completion: row.completion.text,
        },
        rubric,
        contextLength,
      ),
    ),
    own: new Map(chosen.map(({ score }, i) => [idOf(i), score])),
  }
}

/** The outcome, from the scores by request id; undefined if too few could be read. */
export function readProbe(
  { own }: Pick<PlannedProbe, 'own'>,
  foreign: ReadonlyMap<string, number>,
): JudgeProbe | undefined {
  const pairs = [...own].flatMap(([id, score]) => {
    const other = foreign.get(id)
    return other === undefined ? [] : [{ own: score, foreign: other }]
  })
  if (pairs.length < MIN_PAIRS) return undefined
  const mean = (read: (pair: { own: number; foreign: number }) => number): number =>
    pairs.reduce((sum, pair) => sum + read(pair), 0) / pairs.length
  return {
    pairs: pairs.length,
    foreignAsHigh: pairs.filter((pair) => pair.foreign >= pair.own).length,
    meanOwn: mean((pair) => pair.own),
    meanForeign: mean((pair) => pair.foreign),
  }
}
