// Knows: the list of projects and the operations on a whole project.
import { clearOrphans } from '../../actions/projects/clear-orphans.ts'
import { deleteEverything } from '../../actions/projects/delete-everything.ts'
import { deleteProject } from '../../actions/projects/delete-project.ts'
import { duplicateProject } from '../../actions/projects/duplicate-project.ts'
import { openProject } from '../../actions/projects/open-project.ts'
import { findProjectWork } from '../../actions/projects/project-work.ts'
import { renameProject } from '../../actions/projects/rename-project.ts'
import { saveProject, sizeReplies, type SaveProgress } from '../../actions/projects/save-project.ts'
import { readId, type ProjectId } from '../../domain/id.ts'
import type { Problem } from '../../domain/problem.ts'
import { PROJECT_NAME_LIMIT, type Project } from '../../domain/project.ts'
import { reportChange } from '../../storage/changes.ts'
import { deletionLock, holdLock, withLock } from '../../storage/locks.ts'
import { listProjects } from '../../storage/projects.ts'
import type { Environment } from './environment.ts'
import { Task } from '../parts/task.svelte.ts'
import { Undo } from '../parts/undo.svelte.ts'

/** Key of the ids shown as deleted, in all tabs. They are deleted for good unless undone, at the latest at the next visit. */
const DELETING = 'retort deleting'

export class Projects {
  #stored = $state.raw<readonly Project[]>([])
  /** Deleted here and still to be undone: what releases the lock that keeps other tabs from carrying it out. */
  #held = $state.raw<ReadonlyMap<ProjectId, () => void>>(new Map())
  /** Deleted in another tab, which may still undo it; or in an earlier visit, and it could not be carried out. */
  #hidden = $state.raw<readonly ProjectId[]>([])
  #problems = $state.raw<readonly Problem[]>([])
  #sentence = $state<string | undefined>()
  #list = $derived(
    this.#stored
      .filter(({ id }) => !this.#held.has(id) && !this.#hidden.includes(id))
      .toSorted((a, b) => b.changedAt - a.changedAt),
  )
  readonly task = new Task<SaveProgress>()
  readonly undo = new Undo()
  readonly #env: Environment

  constructor(env: Environment) {
    this.#env = env
  }

  /** Latest change first. */
  get list(): readonly Project[] {
    return this.#list
  }
  /** Why a file was refused. */
  get problems(): readonly Problem[] {
    return this.#problems
  }
  /** What was done last: a sentence. */
  get sentence(): string | undefined {
    return this.#sentence
  }

  find(id: ProjectId): Project | undefined {
    return this.#list.find((project) => project.id === id)
  }

  /** Reads the list again, and deletes the projects whose deletion nobody can undo any more. */
  async refresh(): Promise<void> {
    const waiting = this.#readDeleting().filter((id) => !this.#held.has(id))
    this.#hidden = (await Promise.all(waiting.map((id) => this.#finish(id)))).flat()
    this.#stored = await listProjects(this.#env.machines.db)
  }

  /** Whether it is in the store as read last, also while it is hidden because its deletion can be undone. */
  isStored(id: ProjectId): boolean {
    return this.#stored.some((project) => project.id === id)
  }

  /** Clears what is left of projects that no list shows. */
  async clearOrphans(): Promise<void> {
    const count = await clearOrphans(this.#env.machines)
    if (count > 0 && this.#sentence === undefined)
      this.#sentence = `Data was left of ${count === 1 ? 'a project that is' : `${count} projects that are`} no longer listed, and was deleted.`
  }

  /** Stores a new project; a name already in use gets a number. */
  async create(name = 'Untitled', recipeText?: string): Promise<Project | undefined> {
    this.#clear()
    return this.task.do(async () => {
      // What writes a recipe is loaded when it is first needed.
      const { createProject } = await import('../../actions/projects/create-project.ts')
      const made = await createProject(this.#env.machines, {
        name: this.#freeName(name),
        ...(recipeText === undefined ? {} : { recipeText }),
      })
      if (!made.ok) return void (this.#problems = made.problems)
      await this.refresh()
      return made.value
    })
  }

  /** Returns the sentence why the name is refused, else undefined. */
  async rename(projectId: ProjectId, name: string): Promise<string | undefined> {
    const renamed = await renameProject(this.#env.machines, { projectId, name })
    await this.refresh()
    return renamed.ok ? undefined : renamed.problems.map((problem) => problem.sentence).join(' ')
  }

  async duplicate(projectId: ProjectId): Promise<void> {
    this.#clear()
    const name = this.find(projectId)?.name ?? 'Untitled'
    await this.task.do(async () => {
      const copy = await duplicateProject(this.#env.machines, { projectId, name: this.#freeName(name) })
      if (copy.ok) this.#sentence = `“${copy.value.name}” is a copy of “${name}”.`
      else this.#problems = copy.problems
      await this.refresh()
    })
  }

  /**
   * Hides the project at once and deletes it when it can no longer be undone: at the next deletion, or when this tab is gone. Refused
   * while a run or a training of it is in progress in any tab.
   */
  async delete(projectId: ProjectId): Promise<void> {
    this.#clear()
    const name = this.find(projectId)?.name ?? ''
    const work = await findProjectWork(projectId)
    if (work !== undefined) {
      this.#problems = [{ sentence: `“${name}” was not deleted: ${work}` }]
      return
    }
    await this.#deleteForGood()
    // While this tab has the lock, no other tab carries the deletion out.
    const release = await holdLock(deletionLock(projectId))
    if (release === undefined) return this.refresh() // another tab is deleting it
    this.#held = new Map(this.#held).set(projectId, release)
    this.#rememberDeleting((ids) => [...ids, projectId])
    this.undo.put(`“${name}” was deleted.`, () => this.#restore(projectId, name))
  }

  async #restore(projectId: ProjectId, name: string): Promise<void> {
    this.#clear()
    this.#rememberDeleting((ids) => ids.filter((id) => id !== projectId))
    this.#release(projectId)
    await this.refresh()
    if (this.find(projectId) === undefined)
      this.#problems = [
        {
          sentence: `“${name}” cannot be restored: it is no longer stored. Perhaps everything was deleted in another tab.`,
        },
      ]
    else this.#sentence = `“${name}” is restored.`
  }

  /** How many replies of models a project has stored, and about how many bytes they add to its file; undefined if that failed. */
  async sizeReplies(
    projectId: ProjectId,
  ): Promise<{ readonly replies: number; readonly bytes: number } | undefined> {
    this.#clear()
    return this.task.do(() => sizeReplies(this.#env.machines, projectId))
  }

  async save(projectId: ProjectId, withReplies = false): Promise<void> {
    this.#clear()
    const name = this.find(projectId)?.name ?? ''
    const download = await this.task.follow((signal) =>
      saveProject(this.#env.machines, { projectId, withReplies }, signal),
    )
    if (download === undefined) return
    this.#env.deliver(download)
    this.#sentence = `“${name}” was saved as ${download.name}, with its students’ checkpoints${withReplies ? ' and its stored replies' : ''}. Models and stored soft targets are not in the file.`
  }

  async open(file: File): Promise<Project | undefined> {
    this.#clear()
    const opened = await this.task.follow((signal) => openProject(this.#env.machines, { file }, signal))
    if (opened === undefined) return undefined
    await this.refresh()
    if (opened.ok) {
      const { project, notes } = opened.value
      if (notes.length > 0) this.#sentence = `“${project.name}” was opened. ${notes.join(' ')}`
      return project
    }
    this.#problems = opened.problems
    return undefined
  }

  /** False if it was refused or failed: nothing was deleted then, or not all of it. */
  async deleteEverything(): Promise<boolean> {
    this.#clear()
    const deleted = await this.task.do(async () => {
      const work = await deleteEverything(this.#env.machines)
      if (work !== undefined) {
        this.#problems = [{ sentence: work }]
        return false
      }
      this.undo.dismiss()
      for (const id of this.#held.keys()) this.#release(id)
      this.#rememberDeleting(() => [])
      await this.refresh()
      this.#sentence = 'Everything was deleted: projects, models and checkpoints.'
      return true
    })
    return deleted ?? false
  }

  #clear(): void {
    this.#problems = []
    this.#sentence = undefined
  }

  /** Carries out the deletions that this tab offered to undo; one that must wait stays hidden. */
  async #deleteForGood(): Promise<void> {
    for (const projectId of this.#held.keys()) {
      if ((await deleteProject(this.#env.machines, { projectId })) === undefined)
        this.#rememberDeleting((ids) => ids.filter((id) => id !== projectId))
      this.#release(projectId)
    }
    await this.refresh()
  }

  /** Deletes a project that waits for it, unless another tab offers to undo that; returns its id while it stays hidden. */
  async #finish(projectId: ProjectId): Promise<ProjectId[]> {
    try {
      const outcome = await withLock(deletionLock(projectId), 'a tab that is deleting it', async () => {
        if (!this.#readDeleting().includes(projectId)) return [] // undone meanwhile
        if ((await deleteProject(this.#env.machines, { projectId })) !== undefined) return [projectId]
        this.#rememberDeleting((ids) => ids.filter((id) => id !== projectId))
        return []
      })
      return outcome.held ? outcome.value : [projectId]
    } catch {
      return [projectId] // it cannot be deleted now and is tried again at the next visit; the list must open anyway
    }
  }

  #release(projectId: ProjectId): void {
    this.#held.get(projectId)?.()
    this.#held = new Map([...this.#held].filter(([id]) => id !== projectId))
  }

  #freeName(name: string): string {
    const taken = new Set(this.#list.map((project) => project.name))
    if (!taken.has(name)) return name
    for (let n = 2; ; n++) {
      const numbered = `${name.replace(/ \d+$/, '').slice(0, PROJECT_NAME_LIMIT - 6)} ${n}`
      if (!taken.has(numbered)) return numbered
    }
  }

  #readDeleting(): ProjectId[] {
    return (this.#env.memory?.getItem(DELETING) ?? '')
      .split(' ')
      .flatMap((text) => readId('project', text) ?? [])
  }

  /** Other tabs have the same list. */
  #rememberDeleting(change: (ids: readonly ProjectId[]) => readonly ProjectId[]): void {
    this.#env.memory?.setItem(DELETING, change(this.#readDeleting()).join(' '))
    reportChange(this.#env.machines.db, ['projects'])
  }
}
