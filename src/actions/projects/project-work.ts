// Knows: which work of a project prevents its deletion, in this tab or in another.
import type { ProjectId } from '../../domain/id.ts'
import { findHolder, trainingLock, withLock } from '../../storage/locks.ts'
import { nameRunLock } from '../run/run-lock.ts'

const WORK = [
  { lockOf: nameRunLock, what: 'a run' },
  { lockOf: trainingLock, what: 'the training of a student' },
] as const

const describe = (what: string, holder: string): string =>
  `${what} of it is in progress in ${holder}. Stop it there, or wait until it ends, then delete the project.`

/** The work in progress of a project, for the end of a sentence; undefined if there is none. */
export async function findProjectWork(projectId: ProjectId): Promise<string | undefined> {
  for (const { lockOf, what } of WORK) {
    const holder = await findHolder(lockOf(projectId))
    if (holder !== undefined) return describe(what, holder)
  }
  return undefined
}

/** Does `work` while no run and no training of the project can start; returns what is in progress if one is. */
export async function withoutProjectWork(
  projectId: ProjectId,
  work: () => Promise<void>,
  left: readonly (typeof WORK)[number][] = WORK,
): Promise<string | undefined> {
  const [first, ...others] = left
  if (first === undefined) {
    await work()
    return undefined
  }
  const outcome = await withLock(first.lockOf(projectId), 'a tab that is deleting the project', () =>
    withoutProjectWork(projectId, work, others),
  )
  return outcome.held ? outcome.value : describe(first.what, outcome.holder)
}
