// Knows: how a run is started and gone on with.
// Must not know: how a phase works (run/*.ts).
import type { ProjectId, RunId } from '../domain/id.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { TeacherDescription } from '../domain/model.ts'
import type { Run, RunProgress } from '../domain/run.ts'
import type { RunControl } from './control.ts'
import type { Machines } from './machines.ts'

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
export async function* startRun(_machines: RunMachines, _request: StartRun, _control: RunControl): AsyncGenerator<RunProgress, Run> {
  throw new Error('being written')
}

/** Goes on with a run that is not finished: nothing that is stored is done again. Otherwise like `startRun`. */
export async function* resumeRun(_machines: RunMachines, _request: ResumeRun, _control: RunControl): AsyncGenerator<RunProgress, Run> {
  throw new Error('being written')
}
