// Knows: how everything that this page stored is deleted: projects, models, checkpoints.
import { removeAll } from '../storage/files.ts'
import * as projects from '../storage/projects.ts'
import type { Machines } from './machines.ts'

/** The loaded teacher is unloaded first, so that no worker holds a file that is being deleted. */
export async function deleteEverything({ db, teacher }: Pick<Machines, 'db' | 'teacher'>): Promise<void> {
  await teacher.unload(null).catch(() => undefined) // nothing was loaded, or the worker is dead: no file is held in either case
  await projects.deleteEverything(db)
  await removeAll()
}
