// Knows: the list of projects and what one does with a project as a whole.
import { createProject } from '../actions/create-project.ts'
import { deleteEverything } from '../actions/delete-everything.ts'
import { deleteProject } from '../actions/delete-project.ts'
import { duplicateProject } from '../actions/duplicate-project.ts'
import { openProject } from '../actions/open-project.ts'
import { renameProject } from '../actions/rename-project.ts'
import { saveProject, type SaveProgress } from '../actions/save-project.ts'
import { readId, type ProjectId } from '../domain/id.ts'
import type { Problem } from '../domain/problem.ts'
import { PROJECT_NAME_LIMIT, type Project } from '../domain/project.ts'
import { listProjects } from '../storage/projects.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'
import { Undo } from './undo.svelte.ts'

/** Ids that are shown as deleted and are deleted for good when nobody takes it back, at the latest at the next visit. */
const DELETING = 'retort deleting'

export class Projects {
  #stored = $state.raw<readonly Project[]>([])
  #deleting = $state.raw<readonly ProjectId[]>([])
  #problems = $state.raw<readonly Problem[]>([])
  #sentence = $state<string | undefined>()
  #list = $derived(
    this.#stored
      .filter(({ id }) => !this.#deleting.includes(id))
      .toSorted((a, b) => b.changedAt - a.changedAt),
  )
  readonly task = new Task<SaveProgress>()
  readonly undo = new Undo()
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
  }

  /** Latest change first. */
  get list(): readonly Project[] {
    return this.#list
  }
  /** Why a file was refused. */
  get problems(): readonly Problem[] {
    return this.#problems
  }
  /** What was done last, in words. */
  get sentence(): string | undefined {
    return this.#sentence
  }

  find(id: ProjectId): Project | undefined {
    return this.#list.find((project) => project.id === id)
  }

  /** Reads the list anew; the first time, what waited for its deletion is deleted. */
  async refresh(): Promise<void> {
    if (this.#deleting.length === 0) {
      const waiting = this.#readDeleting()
      // What cannot be deleted now stays hidden and is tried again at the next visit; the list must open all the same.
      const left = await Promise.all(
        waiting.map((projectId) =>
          deleteProject(this.#around.machines, { projectId }).then(
            () => [],
            () => [projectId],
          ),
        ),
      )
      this.#deleting = left.flat()
      this.#rememberDeleting()
    }
    this.#stored = await listProjects(this.#around.machines.db)
  }

  /** Stores a new project; a name that is taken gets a number. */
  async create(name = 'Untitled', recipeText?: string): Promise<Project | undefined> {
    this.#clear()
    return this.task.do(async () => {
      const made = await createProject(this.#around.machines, {
        name: this.#freeName(name),
        ...(recipeText === undefined ? {} : { recipeText }),
      })
      if (!made.ok) return void (this.#problems = made.problems)
      await this.refresh()
      return made.value
    })
  }

  /** Gives the sentence why the name cannot be, else nothing. */
  async rename(projectId: ProjectId, name: string): Promise<string | undefined> {
    const renamed = await renameProject(this.#around.machines, { projectId, name })
    await this.refresh()
    return renamed.ok ? undefined : renamed.problems.map((problem) => problem.sentence).join(' ')
  }

  async duplicate(projectId: ProjectId): Promise<void> {
    this.#clear()
    const name = this.find(projectId)?.name ?? 'Untitled'
    await this.task.do(async () => {
      const copy = await duplicateProject(this.#around.machines, { projectId, name: this.#freeName(name) })
      if (copy.ok) this.#sentence = `“${copy.value.name}” is a copy of “${name}”.`
      else this.#problems = copy.problems
      await this.refresh()
    })
  }

  /** Hides the project at once and deletes it when the way back is gone. */
  async delete(projectId: ProjectId): Promise<void> {
    this.#clear()
    const name = this.find(projectId)?.name ?? ''
    await this.#deleteForGood()
    this.#deleting = [projectId]
    this.#rememberDeleting()
    this.undo.put(`“${name}” was deleted.`, async () => {
      this.#deleting = this.#deleting.filter((id) => id !== projectId)
      this.#rememberDeleting()
    })
  }

  async save(projectId: ProjectId): Promise<void> {
    this.#clear()
    const name = this.find(projectId)?.name ?? ''
    const download = await this.task.follow((signal) =>
      saveProject(this.#around.machines, { projectId }, signal),
    )
    if (download === undefined) return
    this.#around.deliver(download)
    this.#sentence = `“${name}” was saved as ${download.name}. Models and checkpoints are not in it.`
  }

  async open(file: File): Promise<Project | undefined> {
    this.#clear()
    const opened = await this.task.follow((signal) => openProject(this.#around.machines, { file }, signal))
    if (opened === undefined) return undefined
    await this.refresh()
    if (opened.ok) return opened.value
    this.#problems = opened.problems
    return undefined
  }

  async deleteEverything(): Promise<void> {
    this.#clear()
    this.undo.dismiss()
    await this.task.do(async () => {
      await deleteEverything(this.#around.machines)
      this.#deleting = []
      this.#rememberDeleting()
      await this.refresh()
      this.#sentence = 'Everything was deleted: projects, models and checkpoints.'
    })
  }

  #clear(): void {
    this.#problems = []
    this.#sentence = undefined
  }

  async #deleteForGood(): Promise<void> {
    for (const projectId of this.#deleting) await deleteProject(this.#around.machines, { projectId })
    this.#deleting = []
    this.#rememberDeleting()
    await this.refresh()
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
    return (this.#around.memory?.getItem(DELETING) ?? '')
      .split(' ')
      .flatMap((text) => readId('project', text) ?? [])
  }

  #rememberDeleting(): void {
    this.#around.memory?.setItem(DELETING, this.#deleting.join(' '))
  }
}
