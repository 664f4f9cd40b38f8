// Knows: the whole page's state: where one is, which projects there are, the machine, the one teacher, the open projects.
import type { MachineScope } from '../actions/describe-machine.ts'
import type { ProjectId } from '../domain/id.ts'
import { Endpoint } from './endpoint.svelte.ts'
import { Examples } from './examples.svelte.ts'
import { Machine } from './machine.svelte.ts'
import { ModelFinder } from './model-finder.svelte.ts'
import { Models } from './models.svelte.ts'
import { Projects } from './projects.svelte.ts'
import { hrefOf, Route, SELF_CHECK, type Place } from './route.svelte.ts'
import type { Surroundings } from './surroundings.ts'
import { SelfCheck } from './self-check.svelte.ts'
import { Task } from './task.svelte.ts'
import { Teacher } from './teacher.svelte.ts'
import { Theme } from './theme.svelte.ts'
import { WebLlm } from './web-llm.svelte.ts'
import { Workspace } from './workspace.svelte.ts'

/** Something long that goes on behind the screen one looks at. */
export interface Working {
  readonly href: string
  readonly sentence: string
}

export class App {
  readonly route: Route
  readonly theme: Theme
  readonly projects: Projects
  readonly examples: Examples
  readonly machine = new Machine()
  readonly webLlm = new WebLlm(this.machine)
  readonly models: Models
  readonly teacher: Teacher
  readonly endpoint: Endpoint
  readonly finder: ModelFinder
  readonly selfCheck: SelfCheck
  /** The first reading of the store. */
  readonly opening = new Task()
  #open = $state.raw<readonly Workspace[]>([])
  #notice = $state<string | undefined>()
  #working = $derived.by(() => this.#findWork())
  readonly #around: Surroundings
  #discarded: boolean

  constructor(around: Surroundings) {
    this.#around = around
    this.#discarded = around.wasDiscarded
    this.route = new Route(around.window, (place) => this.#enter(place))
    this.theme = new Theme(around.root, around.memory)
    this.projects = new Projects(around)
    this.examples = new Examples(around)
    this.models = new Models(around)
    this.teacher = new Teacher(around)
    this.endpoint = new Endpoint(around)
    this.finder = new ModelFinder(around, this.teacher)
    this.selfCheck = new SelfCheck(around)
  }

  /** What the page should say on every screen, such as that it cannot be kept for opening without a network. */
  get notice(): string | undefined {
    return this.#notice
  }
  get working(): Working | undefined {
    return this.#working
  }

  /** Reads what the first screen shows; `scope` is the browser's own. */
  async start(scope: MachineScope): Promise<void> {
    await this.opening.do(async () => {
      await Promise.all([this.projects.refresh(), this.machine.look(scope)])
      if (this.machine.backends.includes('webgpu')) this.teacher.backend = this.selfCheck.backend = 'webgpu'
      this.#enter(this.route.place)
    })
    // Another tab may have made, renamed or deleted projects meanwhile.
    this.#around.window.addEventListener('focus', () => void this.projects.refresh().catch(() => undefined))
    await Promise.all([this.models.refresh(), this.examples.refresh()])
    if (this.route.place.kind === 'screen')
      await this.workspaceOf(this.route.place.projectId)?.offerTeacher(this.models)
  }

  workspaceOf(projectId: ProjectId): Workspace | undefined {
    return this.#open.find((workspace) => workspace.projectId === projectId)
  }

  tell(notice: string | undefined): void {
    this.#notice = notice
  }

  /** Makes a project and goes to its first screen. */
  async begin(): Promise<void> {
    const project = await this.projects.create()
    if (project !== undefined) this.route.go(project.id, 'seeds')
  }

  async beginWithExample(name: string): Promise<void> {
    const project = await this.examples.open(name)
    if (project === undefined) return
    await this.projects.refresh()
    this.route.go(project.id, 'seeds')
  }

  async openFile(file: File): Promise<void> {
    const project = await this.projects.open(file)
    if (project !== undefined) this.route.go(project.id, 'seeds')
  }

  async deleteEverything(): Promise<void> {
    await this.projects.deleteEverything()
    this.#open = []
    this.teacher.forget()
    await Promise.all([this.teacher.sync(), this.models.refresh()])
  }

  // Outside of any effect: what is made here must outlive the screen that asked for it.
  #enter(place: Place): void {
    if (place.kind !== 'screen') return void this.projects.refresh().catch(() => undefined) // a new list is nice to have; the old one stays otherwise
    const project = this.projects.find(place.projectId)
    if (project === undefined || this.workspaceOf(project.id) !== undefined) return
    const workspace = new Workspace(this.#around, project, this.teacher)
    this.#open = [...this.#open, workspace]
    void workspace.refresh().then(() => this.#afterDiscard(workspace))
    void workspace.offerTeacher(this.models)
  }

  /** Once, for the project that was open when the browser threw the page away. */
  #afterDiscard({ students }: Workspace): void {
    if (!this.#discarded) return
    this.#discarded = false
    void students.goOnByItself()
  }

  #findWork(): Working | undefined {
    const { place } = this.route
    if (this.selfCheck.task.going && place.kind !== 'self-check')
      return { href: SELF_CHECK, sentence: 'The self-check is going' }
    for (const { projectId, runs, students, comparisons } of this.#open) {
      const here = place.kind === 'screen' && place.projectId === projectId ? place.screen : undefined
      if (runs.task.going && here !== 'run')
        return { href: hrefOf(projectId, 'run'), sentence: runs.task.progress?.sentence ?? 'A run is going' }
      if (students.task.going && here !== 'student')
        return {
          href: hrefOf(projectId, 'student'),
          sentence: students.task.progress?.sentence ?? 'A student is training',
        }
      if (comparisons.task.going && here !== 'compare')
        return {
          href: hrefOf(projectId, 'compare'),
          sentence: comparisons.task.progress?.sentence ?? 'A comparison is going',
        }
    }
    return undefined
  }
}
