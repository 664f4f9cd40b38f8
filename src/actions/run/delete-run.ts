// Knows: how a run is deleted with its prompts and rows, and how that is undone.
import type { ProjectId, RunId } from '../../domain/id.ts'
import { RetortError } from '../../protocol/errors.ts'
import { forgetCalls } from '../../storage/calls.ts'
import { withLock } from '../../storage/locks.ts'
import { getProject } from '../../storage/projects.ts'
import { guardQuota } from '../../storage/quota.ts'
import { getRun, hideRun, removeRun, showRun } from '../../storage/runs.ts'
import type { Machines } from '../machines.ts'
import { nameRunLock } from './run-lock.ts'

interface RunOf {
  readonly projectId: ProjectId
  readonly runId: RunId
}

/**
 * Marks a run as deleted: no list shows it any more, and `removeRunForGood` can be undone until it is called. False if it was deleted
 * already. Datasets that were frozen from it stay. Throws `Busy` while a run of this project is in progress, here or in another tab.
 */
export async function deleteRun(
  { db, now }: Pick<Machines, 'db' | 'now'>,
  { projectId, runId }: RunOf,
): Promise<boolean> {
  const outcome = await withLock(nameRunLock(projectId), 'a tab that is deleting a run', () =>
    hideRun(db, projectId, runId, now()),
  )
  if (!outcome.held)
    throw new RetortError(
      'Busy',
      `A run of this project is in progress in ${outcome.holder}. Stop it there, then delete this one.`,
    )
  return outcome.value
}

/** Lists a deleted run again. Throws `StorageFailed` if it, or its project, is no longer stored. */
export async function undoDeleteRun(
  { db }: Pick<Machines, 'db'>,
  { projectId, runId }: RunOf,
): Promise<void> {
  if ((await getProject(db, projectId)) === undefined)
    throw new RetortError(
      'StorageFailed',
      'The run cannot be restored: its project was deleted meanwhile, perhaps in another tab.',
    )
  if (!(await guardQuota('The restored run', () => showRun(db, projectId, runId))))
    throw new RetortError(
      'StorageFailed',
      'The run cannot be restored: it is no longer stored. Perhaps everything was deleted in another tab.',
    )
}

/**
 * Deletes a run that is marked as deleted, with its prompts, rows and journal, and the replies of calls that no other run uses. Does
 * nothing if it was restored or is gone.
 */
export async function removeRunForGood(
  { db }: Pick<Machines, 'db'>,
  { projectId, runId }: RunOf,
): Promise<void> {
  await removeRun(db, projectId, runId)
  if ((await getRun(db, projectId, runId)) === undefined) await forgetCalls(db, projectId, runId)
}
