// Knows: the list of projects and the operations on a whole project.
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
import type { Environment } from './environment.ts'
import { Task } from './task.svelte.ts'
import { Undo } from './undo.svelte.ts'

/** Key of the ids shown as deleted. They are deleted for good unless undone, at the latest at the next visit. */
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

  /** Reads the list again; the first time, projects waiting for deletion are deleted. */
  async refresh(): Promise<void> {
    if (this.#deleting.length === 0) {
      const waiting = this.#readDeleting()
      // A project that cannot be deleted now stays hidden and is retried at the next visit; the list must open anyway.
      const left = await Promise.all(
        waiting.map((projectId) =>
          deleteProject(this.#env.machines, { projectId }).then(
            () => [],
            () => [projectId],
          ),
        ),
      )
      this.#deleting = left.flat()
      this.#rememberDeleting()
    }
    this.#stored = await listProjects(this.#env.machines.db)
  }

  /** Stores a new project; a name already in use gets a number. */
  async create(name = 'Untitled', recipeText?: string): Promise<Project | undefined> {
    this.#clear()
    return this.task.do(async () => {
      // What writes a recipe is loaded when it is first needed.
      const { createProject } = await import('../actions/create-project.ts')
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

  /** Hides the project at once and deletes it when it can no longer be undone. */
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
      saveProject(this.#env.machines, { projectId }, signal),
    )
    if (download === undefined) return
    this.#env.deliver(download)
    this.#sentence = `“${name}” was saved as ${download.name}, with its students’ checkpoints. Models and stored soft targets are not in the file.`
  }

  async open(file: File): Promise<Project | undefined> {
    this.#clear()
    const opened = await this.task.follow((signal) => openProject(this.#env.machines, { file }, signal))
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
      await deleteEverything(this.#env.machines)
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
    for (const projectId of this.#deleting) await deleteProject(this.#env.machines, { projectId })
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
    return (this.#env.memory?.getItem(DELETING) ?? '')
      .split(' ')
      .flatMap((text) => readId('project', text) ?? [])
  }

  #rememberDeleting(): void {
    this.#env.memory?.setItem(DELETING, this.#deleting.join(' '))
  }
}
