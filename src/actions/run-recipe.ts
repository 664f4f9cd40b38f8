// Knows: how a run is started and resumed: its record, its lock, its phases in sequence.
// Must not know: how a phase works (run/*.ts).
import { freshId, type ProjectId, type RunId } from '../domain/id.ts'
import { refOf } from '../domain/model-card.ts'
import type { TeacherDescription } from '../domain/teacher-description.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { LoadedWith, Run, RunProgress } from '../domain/run.ts'
import { checkRecipeText } from '../pipeline/recipes/check-recipe.ts'
import { readSteps } from '../pipeline/recipes/read-steps.ts'
import { RetortError, sentenceOf } from '../protocol/errors.ts'
import { forgetCalls } from '../storage/calls.ts'
import { withLock } from '../storage/locks.ts'
import { guardQuota } from '../storage/quota.ts'
import { getRun, patchRun, putRun } from '../storage/runs.ts'
import { doubtSpeed } from './batch-size.ts'
import type { RunControl } from './control.ts'
import type { Machines } from './machines.ts'
import { growPrompts } from './run/grow-prompts.ts'
import { judgeRows } from './run/judge-rows.ts'
import { keepRows } from './run/keep-rows.ts'
import { probeJudge } from './run/probe-judge.ts'
import { LiveRun } from './run/live-run.ts'
import { openContext, type RunContext } from './run/run-context.ts'
import { nameRunLock } from './run/run-lock.ts'
import { writeCompletions } from './run/write-completions.ts'
import { streamProgress } from './stream-progress.ts'

export interface StartRun {
  readonly projectId: ProjectId
  readonly recipe: CheckedRecipe
  readonly teacher: TeacherDescription
  /** The judge's own model; absent: the teacher judges. */
  readonly judge?: TeacherDescription
}
export interface ResumeRun {
  readonly projectId: ProjectId
  readonly runId: RunId
  readonly teacher: TeacherDescription
  /** Required if the run was started with a judge of its own, else not used. */
  readonly judge?: TeacherDescription
}
/** The machines that a run needs. */
export type RunMachines = Pick<Machines, 'db' | 'teacher' | 'judge' | 'corpus' | 'now'>

/**
 * Stores a new run and runs it: grow, complete, filter, judge, keep. Yields at most ten times a second; returns the run as
 * stored at its end, `finished` or `stopped`. A pause waits inside. Throws `Busy` if another tab has a run of this project
 * in progress, and other errors as they are (`WorkerDied`, `DeviceLost`, `StorageFull` …): the run is then stored as `failed`
 * with the sentence, and can be resumed.
 */
export async function* startRun(
  machines: RunMachines,
  { projectId, recipe, teacher, judge: chosen }: StartRun,
  control: RunControl,
): AsyncGenerator<RunProgress, Run> {
  const judge = readSteps(recipe).judge === undefined ? undefined : chosen
  return yield* runWithLock(machines, { recipe, teacher, judge }, control, projectId, async () => {
    const run: Run = {
      projectId,
      id: freshId('run'),
      recipeHash: recipe.hash,
      recipeText: recipe.text,
      teacher: refOf(teacher.card),
      ...(isLocal(teacher) ? { loadedWith: loadedWith(teacher) } : {}),
      ...(judge === undefined ? {} : { judge: refOf(judge.card) }),
      ...(isLocal(judge) ? { judgeLoadedWith: loadedWith(judge) } : {}),
      status: 'running',
      startedAt: machines.now(),
      workedMs: 0,
    }
    await guardQuota('The run', () => putRun(machines.db, run))
    return run
  })
}

type LocalModel = TeacherDescription & { readonly backend: LoadedWith['backend'] }
const isLocal = (model: TeacherDescription | undefined): model is LocalModel =>
  model !== undefined && model.backend !== 'server'

/** How a model is loaded, for a resume after a reload. */
const loadedWith = ({ backend, contextLength, weights, chatFormat }: LocalModel): LoadedWith => ({
  backend,
  contextLength,
  ...(weights === undefined ? {} : { weights }),
  ...(chatFormat === undefined ? {} : { chatFormat }),
})

/** Resumes a run that is not finished: nothing stored is done again. Otherwise like `startRun`. */
export async function* resumeRun(
  machines: RunMachines,
  { projectId, runId, teacher, judge }: ResumeRun,
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
  // The ids of rows include the model: another model would start the run from scratch under the same id.
  if (run.teacher.fingerprint !== teacher.card.fingerprint)
    throw new RetortError(
      'ModelMissing',
      `This run was started with ${run.teacher.name}, but ${teacher.card.name} is loaded. Load ${run.teacher.name} to resume it, or start a new run.`,
    )
  // One dataset has one judge: scores of two models mean different things.
  if (run.judge !== undefined && run.judge.fingerprint !== judge?.card.fingerprint)
    throw new RetortError(
      'ModelMissing',
      `The rows of this run are judged by ${run.judge.name}, but ${judge === undefined ? 'the judge has no model of its own now' : `${judge.card.name} is the judge now`}. Load ${run.judge.name} for the judge to resume it, or start a new run.`,
    )
  const models = { recipe: checked.value, teacher, judge: run.judge === undefined ? undefined : judge }
  return yield* runWithLock(machines, models, control, projectId, () =>
    patchRun(machines.db, projectId, runId, { status: 'running' }),
  )
}

/** A recipe with the models of its roles. */
interface Cast {
  readonly recipe: CheckedRecipe
  readonly teacher: TeacherDescription
  /** Undefined: the teacher judges. */
  readonly judge: TeacherDescription | undefined
}

async function* runWithLock(
  machines: RunMachines,
  cast: Cast,
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
        async () => runLocked(machines, cast, control, await open(), report),
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
  { recipe, teacher, judge }: Cast,
  control: RunControl,
  run: Run,
  report: (progress: RunProgress) => void,
): Promise<Run> {
  const { db } = machines
  const { projectId, id } = run
  const live = new LiveRun(recipe, report)
  const worked = (): number => run.workedMs + live.workedMs
  const { context, close } = openContext({
    machines,
    projectId,
    runId: id,
    recipe,
    steps: readSteps(recipe),
    teacher,
    ref: refOf(teacher.card),
    judge,
    control,
    live,
  })
  const unwatch = control.onChange(() => {
    live.paused = control.paused
    live.report()
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

/** Runs the phases in order; undefined when stopped before the end. */
async function runPhases(context: RunContext): Promise<{ rows: number; kept: number } | undefined> {
  const prompts = await growPrompts(context)
  if (prompts === undefined) return undefined
  if (!(await writeCompletions(context, prompts))) return undefined
  if (!(await judgeRows(context))) return undefined
  if (!(await probeJudge(context))) return undefined
  return keepRows(context)
}
