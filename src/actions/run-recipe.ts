// Knows: how a run is started and gone on with: its record, its lock, its phases one after the other.
// Must not know: how a phase works (run/*.ts).
import { freshId, type ProjectId, type RunId } from '../domain/id.ts'
import { refOf, type TeacherDescription } from '../domain/model.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { Run, RunProgress } from '../domain/run.ts'
import { checkRecipeText } from '../pipeline/recipes/check-recipe.ts'
import { readSteps } from '../pipeline/recipes/read-steps.ts'
import { RetortError, sentenceOf } from '../protocol/errors.ts'
import { withLock } from '../storage/locks.ts'
import { guardQuota } from '../storage/quota.ts'
import { getRun, patchRun, putRun } from '../storage/runs.ts'
import type { RunControl } from './control.ts'
import type { Machines } from './machines.ts'
import { growPrompts } from './run/grow-prompts.ts'
import { judgeRows } from './run/judge-rows.ts'
import { keepRows } from './run/keep-rows.ts'
import { LiveRun } from './run/live-run.ts'
import type { RunContext } from './run/run-context.ts'
import { writeCompletions } from './run/write-completions.ts'
import { tellProgress } from './tell-progress.ts'

export interface StartRun {
  readonly projectId: ProjectId
  readonly recipe: CheckedRecipe
  readonly teacher: TeacherDescription
}
export interface ResumeRun {
  readonly projectId: ProjectId
  readonly runId: RunId
  readonly teacher: TeacherDescription
}
/** What a run needs of the machines. */
export type RunMachines = Pick<Machines, 'db' | 'teacher' | 'corpus' | 'now'>

/**
 * Stores a new run and carries it through: grow, complete, filter, judge, keep. Yields at most ten times a second; returns
 * the run as stored at its end, `finished` or `stopped`. Pause waits inside. Throws `Busy` where another tab has a run of this
 * project in hand, and what broke otherwise (`WorkerDied`, `DeviceLost`, `StorageFull` …): the run is stored as `failed`
 * with the sentence then and can be gone on with.
 */
export async function* startRun(
  machines: RunMachines,
  { projectId, recipe, teacher }: StartRun,
  control: RunControl,
): AsyncGenerator<RunProgress, Run> {
  return yield* carry(machines, recipe, teacher, control, projectId, async () => {
    const run: Run = {
      projectId,
      id: freshId('run'),
      recipeHash: recipe.hash,
      recipeText: recipe.text,
      teacher: refOf(teacher.card),
      status: 'going',
      startedAt: machines.now(),
      workedMs: 0,
    }
    await guardQuota('The run', () => putRun(machines.db, run))
    return run
  })
}

/** Goes on with a run that is not finished: nothing that is stored is done again. Otherwise like `startRun`. */
export async function* resumeRun(
  machines: RunMachines,
  { projectId, runId, teacher }: ResumeRun,
  control: RunControl,
): AsyncGenerator<RunProgress, Run> {
  const run = await getRun(machines.db, projectId, runId)
  if (run === undefined) throw new RetortError('Unexpected', 'This run is not stored any more.')
  const checked = checkRecipeText(run.recipeText)
  if (!checked.ok)
    throw new RetortError(
      'Unexpected',
      `The recipe of this run cannot be read any more: ${checked.problems[0]?.sentence ?? ''}`,
    )
  // A row is named after who wrote it: another model would begin the run anew under the same name.
  if (run.teacher.fingerprint !== teacher.card.fingerprint)
    throw new RetortError(
      'ModelMissing',
      `This run was begun with ${run.teacher.name}, and ${teacher.card.name} is loaded. Load ${run.teacher.name} to go on, or start a new run.`,
    )
  return yield* carry(machines, checked.value, teacher, control, projectId, () =>
    patchRun(machines.db, projectId, runId, { status: 'going' }),
  )
}

async function* carry(
  machines: RunMachines,
  recipe: CheckedRecipe,
  teacher: TeacherDescription,
  control: RunControl,
  projectId: ProjectId,
  open: () => Promise<Run>,
): AsyncGenerator<RunProgress, Run> {
  const since = new Date(machines.now()).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  return yield* tellProgress<RunProgress, Run>(
    async (tell) => {
      const outcome = await withLock(
        `retort run ${projectId}`,
        `a tab that has had it in hand since ${since}`,
        async () => carryLocked(machines, recipe, teacher, control, await open(), tell),
      )
      if (!outcome.held)
        throw new RetortError(
          'Busy',
          `A run of this project is in the hands of ${outcome.holder}. Stop it there, or wait until it ends.`,
        )
      return outcome.value
    },
    () => control.stop(),
  )
}

async function carryLocked(
  machines: RunMachines,
  recipe: CheckedRecipe,
  teacher: TeacherDescription,
  control: RunControl,
  run: Run,
  tell: (progress: RunProgress) => void,
): Promise<Run> {
  const { db } = machines
  const { projectId, id } = run
  const live = new LiveRun(recipe, tell)
  const worked = (): number => run.workedMs + live.workedMs
  const unwatch = control.onChange(() => {
    live.paused = control.paused
    live.tell()
    // The record follows the pause; losing this write loses nothing but the word.
    if (!control.stopped)
      patchRun(db, projectId, id, { status: control.paused ? 'paused' : 'going', workedMs: worked() }).catch(
        () => undefined,
      )
  })
  try {
    const result = await takePhases({
      machines,
      projectId,
      runId: id,
      recipe,
      steps: readSteps(recipe),
      teacher,
      ref: refOf(teacher.card),
      control,
      live,
    })
    if (result === undefined)
      return await patchRun(db, projectId, id, {
        status: 'stopped',
        why: 'Stopped by hand.',
        workedMs: worked(),
      })
    live.enter('finished', result.kept, result.rows)
    return await patchRun(db, projectId, id, {
      status: 'finished',
      endedAt: machines.now(),
      workedMs: worked(),
    })
  } catch (thrown) {
    await patchRun(db, projectId, id, {
      status: 'failed',
      why: sentenceOf(thrown),
      workedMs: worked(),
    }).catch(() => undefined)
    throw thrown
  } finally {
    unwatch()
  }
}

/** The phases in their order; undefined when stopped before the end. */
async function takePhases(context: RunContext): Promise<{ rows: number; kept: number } | undefined> {
  const prompts = await growPrompts(context)
  if (prompts === undefined) return undefined
  if (!(await writeCompletions(context, prompts))) return undefined
  if (!(await judgeRows(context))) return undefined
  return keepRows(context)
}
