// Knows: the runs of a project that were deleted in this tab and can still be restored, and when deletions are carried out for good: when
// the offer to undo them is gone, by this tab or, after this tab, by the next one that reads the runs.
import { deleteRun, removeRunForGood, undoDeleteRun } from '../../actions/run/delete-run.ts'
import type { ProjectId, RunId } from '../../domain/id.ts'
import type { Run } from '../../domain/run.ts'
import { deletionLock, holdLock, withLock } from '../../storage/locks.ts'
import type { Environment } from '../app/environment.ts'
import type { Undo } from '../parts/undo.svelte.ts'

export class RunDeletions {
  /** Deleted here, with their rows and what releases the lock that keeps other tabs from carrying the deletion out. */
  #held: ReadonlyMap<RunId, { readonly rows: number; readonly release: () => void }> = new Map()
  readonly #env: Environment
  readonly #projectId: ProjectId
  readonly #undo: Undo
  /** Restores the runs and shows them. */
  readonly #restore: (restore: () => Promise<void>) => Promise<boolean>

  /** `restore` does its argument as a task and shows the runs again; false if that failed. */
  constructor(
    env: Environment,
    projectId: ProjectId,
    undo: Undo,
    restore: (restore: () => Promise<void>) => Promise<boolean>,
  ) {
    this.#env = env
    this.#projectId = projectId
    this.#undo = undo
    this.#restore = restore
  }

  /** Deletes the run. False if another tab did. Throws `Busy` while a run of the project is in progress. */
  async delete({ id }: Run, rows: number): Promise<boolean> {
    const release = await holdLock(deletionLock(id))
    if (release === undefined) return false
    try {
      if (!(await deleteRun(this.#env.machines, { projectId: this.#projectId, runId: id }))) return false
      this.#held = new Map(this.#held).set(id, { rows, release })
      return true
    } finally {
      if (!this.#held.has(id)) release()
    }
  }

  /** Offers to restore all runs that were deleted here and not carried out yet. */
  offerUndo(): void {
    const offered = this.#held
    if (offered.size === 0) return
    const rows = [...offered.values()].reduce((sum, one) => sum + one.rows, 0)
    this.#undo.put(
      `${offered.size === 1 ? 'Run' : `${offered.size} runs`} deleted, with ${rows === 1 ? '1 row' : `${rows} rows`}.`,
      async () => {
        const restored = await this.#restore(async () => {
          for (const id of offered.keys()) {
            await undoDeleteRun(this.#env.machines, { projectId: this.#projectId, runId: id })
            this.#release(id)
          }
        })
        if (!restored) this.offerUndo()
      },
      // Another deletion extends the offer; anything else ends it.
      () => void (this.#held === offered && this.#carryOut().catch(() => undefined)),
    )
  }

  /** Carries out the deletions that no tab offers to undo. One that fails is tried again the next time. */
  async finish(deleted: readonly RunId[]): Promise<void> {
    for (const id of deleted)
      if (!this.#held.has(id))
        await withLock(deletionLock(id), 'a tab that is deleting it', () => this.#remove(id)).catch(
          () => undefined,
        )
  }

  async #carryOut(): Promise<void> {
    for (const id of this.#held.keys()) {
      await this.#remove(id)
      this.#release(id)
    }
  }

  #remove(runId: RunId): Promise<void> {
    return removeRunForGood(this.#env.machines, { projectId: this.#projectId, runId })
  }

  #release(id: RunId): void {
    this.#held.get(id)?.release()
    this.#held = new Map([...this.#held].filter(([other]) => other !== id))
  }
}
