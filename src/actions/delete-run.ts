// Knows: how a run is deleted with its prompts and rows, and how that is undone.
import type { ProjectId, RunId } from '../domain/id.ts'
import { RetortError } from '../protocol/errors.ts'
import { withLock } from '../storage/locks.ts'
import { getProject } from '../storage/projects.ts'
import { guardQuota } from '../storage/quota.ts'
import { getRun, putRunContents, takeRun, type RunContents } from '../storage/runs.ts'
import type { Machines } from './machines.ts'
import { nameRunLock } from './run/run-lock.ts'

/**
 * Deletes a run and returns what was deleted, for an undo; undefined if it was deleted already. Datasets that were frozen from
 * it stay. Throws `Busy` while a run of this project is in progress, here or in another tab.
 */
export async function deleteRun(
  { db }: Pick<Machines, 'db'>,
  { projectId, runId }: { projectId: ProjectId; runId: RunId },
): Promise<RunContents | undefined> {
  const outcome = await withLock(nameRunLock(projectId), 'a tab that is deleting a run', () =>
    takeRun(db, projectId, runId),
  )
  if (!outcome.held)
    throw new RetortError(
      'Busy',
      `A run of this project is in progress in ${outcome.holder}. Stop it there, then delete this one.`,
    )
  return outcome.value
}

/** Stores a deleted run again. Throws `StorageFailed` if its project was deleted meanwhile. */
export async function undoDeleteRun({ db }: Pick<Machines, 'db'>, contents: RunContents): Promise<void> {
  const { projectId, id } = contents.run
  if ((await getProject(db, projectId)) === undefined)
    throw new RetortError(
      'StorageFailed',
      'The run cannot be restored: its project was deleted meanwhile, perhaps in another tab.',
    )
  if ((await getRun(db, projectId, id)) !== undefined) return
  await guardQuota('The restored run', () => putRunContents(db, contents))
}
