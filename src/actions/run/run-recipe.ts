// Knows: how a run is started and resumed: its record, its lock, its phases in sequence.
// Must not know: how a phase works (run/*.ts).
import { limitCast, type Cast } from '../../domain/cast.ts'
import { freshId, type ProjectId, type RunId } from '../../domain/id.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { Run, RunProgress } from '../../domain/run.ts'
import { checkRecipeText } from '../../pipeline/recipes/check-recipe.ts'
import { readSteps } from '../../pipeline/recipes/read-steps.ts'
import { rolesOf } from '../../pipeline/recipes/roles-of.ts'
import { RetortError, sentenceOf } from '../../protocol/errors.ts'
import { forgetCalls } from '../../storage/calls.ts'
import { withLock } from '../../storage/locks.ts'
import { guardQuota } from '../../storage/quota.ts'
import { getRun, patchRun, putRun } from '../../storage/runs.ts'
import { doubtSpeed } from '../models/batch-size.ts'
import type { RunControl } from '../control.ts'
import type { Machines } from '../machines.ts'
import { castOfRun, recordCast } from './recorded-cast.ts'
import { LiveRun } from './live-run.ts'
import { openContext } from './run-context.ts'
import { runPhases } from './run-phases.ts'
import { nameRunLock } from './run-lock.ts'
import { streamProgress } from '../stream-progress.ts'

export interface StartRun extends Cast {
  readonly projectId: ProjectId
  readonly recipe: CheckedRecipe
}
/** Each role that had a model of its own when the run was started needs the same one; others are not used. */
export interface ResumeRun extends Cast {
  readonly projectId: ProjectId
  readonly runId: RunId
}
/** The machines that a run needs. */
export type RunMachines = Pick<Machines, 'db' | 'teacher' | 'models' | 'corpus' | 'now'>

/**
 * Stores a new run and runs it: grow, complete, filter, judge, keep. Yields at most ten times a second; returns the run as
 * stored at its end, `finished` or `stopped`. A pause waits inside. Throws `Busy` if another tab has a run of this project
 * in progress, and other errors as they are (`WorkerDied`, `DeviceLost`, `StorageFull` …): the run is then stored as `failed`
 * with the sentence, and can be resumed.
 */
export async function* startRun(
  machines: RunMachines,
  { projectId, recipe, ...chosen }: StartRun,
  control: RunControl,
): AsyncGenerator<RunProgress, Run> {
  const cast = limitCast(chosen, rolesOf(recipe))
  return yield* runWithLock(machines, { recipe, cast }, control, projectId, async () => {
    const run: Run = {
      projectId,
      id: freshId('run'),
      recipeHash: recipe.hash,
      recipeText: recipe.text,
      ...recordCast(cast),
      status: 'running',
      startedAt: machines.now(),
      workedMs: 0,
    }
    await guardQuota('The run', () => putRun(machines.db, run))
    return run
  })
}

/** Resumes a run that is not finished: nothing stored is done again. Otherwise like `startRun`. */
export async function* resumeRun(
  machines: RunMachines,
  { projectId, runId, ...chosen }: ResumeRun,
  control: RunControl,
): AsyncGenerator<RunProgress, Run> {
  const run = await getRun(machines.db, projectId, runId)
  if (run === undefined || run.deletedAt !== undefined)
    throw new RetortError(
      'StorageFailed',
      'This run is no longer stored; perhaps it was deleted in another tab.',
    )
  const checked = checkRecipeText(run.recipeText)
  if (!checked.ok)
    throw new RetortError(
      'Unexpected',
      `The recipe of this run can no longer be read: ${checked.problems[0]?.sentence ?? ''}`,
    )
  const cast = castOfRun(run, chosen)
  return yield* runWithLock(machines, { recipe: checked.value, cast }, control, projectId, () =>
    patchRun(machines.db, projectId, runId, { status: 'running' }),
  )
}

/** A recipe with the models of its roles. */
interface CastRecipe {
  readonly recipe: CheckedRecipe
  readonly cast: Cast
}

async function* runWithLock(
  machines: RunMachines,
  work: CastRecipe,
  control: RunControl,
  projectId: ProjectId,
  open: () => Promise<Run>,
): AsyncGenerator<RunProgress, Run> {
  const since = new Date(machines.now()).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  return yield* streamProgress<RunProgress, Run>(
    async (report) => {
      const outcome = await withLock(
        nameRunLock(projectId),
        `a tab that has been running it since ${since}`,
        async () => runLocked(machines, work, control, await open(), report),
      )
      if (!outcome.held)
        throw new RetortError(
          'Busy',
          `A run of this project is in progress in ${outcome.holder}. Stop it there, or wait until it ends.`,
        )
      return outcome.value
    },
    () => control.stop(),
  )
}

async function runLocked(
  machines: RunMachines,
  { recipe, cast }: CastRecipe,
  control: RunControl,
  run: Run,
  report: (progress: RunProgress) => void,
): Promise<Run> {
  const { db } = machines
  const { projectId, id } = run
  const { teacher } = cast
  const live = new LiveRun(recipe, cast, report)
  const worked = (): number => run.workedMs + live.workedMs
  const { context, close } = openContext({
    machines,
    projectId,
    runId: id,
    recipe,
    steps: readSteps(recipe),
    cast,
    control,
    live,
  })
  const unwatch = control.onChange(() => {
    live.paused = control.paused
    live.report(true)
    // The record follows the pause; if this write is lost, only its status is out of date.
    if (!control.stopped)
      patchRun(db, projectId, id, {
        status: control.paused ? 'paused' : 'running',
        workedMs: worked(),
      }).catch(() => undefined)
  })
  try {
    const result = await runPhases(context)
    if (result === undefined)
      return await patchRun(db, projectId, id, {
        status: 'stopped',
        reason: 'Stopped by hand.',
        workedMs: worked(),
      })
    live.enter('finished', result.kept, result.rows)
    // What trials generated and the run did not use was for recipes that were changed. It only takes room.
    await forgetCalls(db, projectId, 'trial').catch(() => undefined)
    return await patchRun(db, projectId, id, {
      status: 'finished',
      endedAt: machines.now(),
      workedMs: worked(),
    })
  } catch (thrown) {
    await patchRun(db, projectId, id, {
      status: 'failed',
      reason: sentenceOf(thrown),
      workedMs: worked(),
    }).catch(() => undefined)
    throw thrown
  } finally {
    unwatch()
    await close()
    // Only better guesses of the batch size and the threads depend on it.
    await doubtSpeed(machines, teacher, live.completed).catch(() => undefined)
  }
}
