// Knows: how what is left of projects that no list shows is cleared: records and files of a crash, or of work that outlived its project.
import { checkpointFiles } from '../../storage/files.ts'
import { STORING_LOCK, withLock } from '../../storage/locks.ts'
import { removeOrphans } from '../../storage/project-contents.ts'
import { listProjects } from '../../storage/projects.ts'
import type { Machines } from '../machines.ts'

/**
 * Clears them and returns the number of projects that something was left of. A project whose deletion can still be undone is stored,
 * and so is not touched. Does nothing while a tab stores a project's contents before the project itself.
 */
export async function clearOrphans({ db }: Pick<Machines, 'db'>): Promise<number> {
  const outcome = await withLock(STORING_LOCK, 'a tab that is tidying the storage', async () => {
    const left = new Set<string>(await removeOrphans(db))
    const folders = await checkpointFiles.listProjects()
    const known = new Set<string>((await listProjects(db)).map(({ id }) => id))
    for (const id of folders) {
      if (known.has(id)) continue
      await checkpointFiles.remove(id)
      left.add(id)
    }
    return left.size
  })
  return outcome.held ? outcome.value : 0
}
