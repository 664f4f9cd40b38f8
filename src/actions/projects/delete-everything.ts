// Knows: how everything that this page stored is deleted: projects, models, checkpoints.
import { removeAll } from '../../storage/files.ts'
import { findHolder, STORING_LOCK } from '../../storage/locks.ts'
import * as projects from '../../storage/projects.ts'
import type { Machines } from '../machines.ts'
import { findProjectWork } from './project-work.ts'

/**
 * The loaded models are unloaded first, so that no worker holds a file that is being deleted. Refused while a run, a training or the
 * storing of a project file is in progress in some tab: the sentence is returned then.
 */
export async function deleteEverything({
  db,
  models,
}: Pick<Machines, 'db' | 'models'>): Promise<string | undefined> {
  const known = await projects.listProjects(db)
  for (const { id, name } of known) {
    const work = await findProjectWork(id)
    if (work !== undefined) return `Nothing was deleted. “${name}” cannot be deleted: ${work}`
  }
  if ((await findHolder(STORING_LOCK)) !== undefined)
    return 'Nothing was deleted: a tab is storing a project. Wait until it is done.'
  for (const machine of models.list()) await machine.unload(null).catch(() => undefined) // nothing was loaded, or the worker is dead: no file is held in either case
  await projects.deleteEverything(db)
  await removeAll()
  return undefined
}
