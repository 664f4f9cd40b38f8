// Knows: what every phase of a run uses.
import type { ProjectId, RunId } from '../../domain/id.ts'
import type {
  CompletionRequest,
  CompletionResult,
  ScoreRequest,
  ScoreResult,
} from '../../domain/completion-request.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { RubricSettings } from '../../pipeline/judging/rubric.ts'
import type { RecipeSteps } from '../../pipeline/recipes/read-steps.ts'
import type { GenerationEvent } from '../../protocol/teacher.ts'
import { guardQuota } from '../../storage/quota.ts'
import { writeRows } from '../../storage/rows.ts'
import type { RunControl } from '../control.ts'
import type { Machines } from '../machines.ts'
import { requestScores } from '../request-scores.ts'
import type { LiveRun } from './live-run.ts'
import { RowWriter } from './row-writer.ts'

export interface RunContext {
  readonly machines: Pick<Machines, 'db' | 'teacher' | 'corpus' | 'now'>
  readonly projectId: ProjectId
  readonly runId: RunId
  readonly recipe: CheckedRecipe
  readonly steps: RecipeSteps
  readonly teacher: TeacherDescription
  readonly ref: ModelRef
  readonly control: RunControl
  readonly live: LiveRun
}

/** Requests per call of the teacher: enough to fill its batches, few enough to notice a pause soon. */
export const REQUESTS_PER_CALL = 128

/** A writer of the run's rows; a full disk is reported in a sentence. */
export function makeRowWriter({ machines: { db }, projectId }: RunContext): RowWriter {
  return new RowWriter(
    async (put, change) =>
      void (await guardQuota('The rows of this run', () => writeRows(db, projectId, put, change))),
  )
}

/** One call that completes; unfinished results are not passed on. */
export const callComplete =
  ({ machines, live }: RunContext) =>
  (
    requests: readonly CompletionRequest[],
    signal: AbortSignal,
    onResult: (result: CompletionResult) => void,
  ): Promise<void> =>
    trackCall(
      live,
      (onEvent) => machines.teacher.complete({ requests, partials: false }, { signal, onEvent }),
      (event) => {
        if (
          event.kind === 'completion' &&
          (event.result.finishReason !== 'aborted' || event.result.refusal !== undefined)
        )
          onResult(event.result)
      },
    )

/** One call that scores, for the recipe's judge. */
export const callScore =
  ({ machines, live }: RunContext, settings: RubricSettings) =>
  (
    requests: readonly ScoreRequest[],
    signal: AbortSignal,
    onResult: (result: ScoreResult) => void,
  ): Promise<void> =>
    trackCall(
      live,
      (onEvent) => requestScores(machines, { requests, settings }, { signal, onEvent }),
      (event) => {
        if (event.kind === 'score') onResult(event.result)
      },
    )

async function trackCall(
  live: LiveRun,
  call: (onEvent: (event: GenerationEvent) => void) => Promise<unknown>,
  onEvent: (event: GenerationEvent) => void,
): Promise<void> {
  const end = live.startCall()
  try {
    await call((event) => {
      if (event.kind === 'progress') live.addTokens(event)
      else onEvent(event)
    })
  } finally {
    end()
  }
}

/** Chunks of a list. */
export function* inChunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size)
}
