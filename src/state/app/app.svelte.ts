// Knows: the state of the whole page: the route, the list of projects, the machine, the loaded models, the open projects.
import type { MachineScope } from '../../actions/machine/describe-machine.ts'
import type { ProjectId } from '../../domain/id.ts'
import { watchChanges } from '../../storage/changes.ts'
import { Awake } from './awake.ts'
import { Endpoint } from '../models/endpoint.svelte.ts'
import { Examples } from './examples.svelte.ts'
import { Machine } from './machine.svelte.ts'
import { Models } from '../models/models.svelte.ts'
import type { NetworkLog } from './network-log.svelte.ts'
import { Projects } from './projects.svelte.ts'
import { Roles } from '../models/roles.svelte.ts'
import { hrefOf, Route, SELF_CHECK, type Place } from './route.svelte.ts'
import type { Environment } from './environment.ts'
import type { Seeds } from '../project/seeds.svelte.ts'
import { SelfCheck } from './self-check.svelte.ts'
import { Service } from './service.svelte.ts'
import { Task } from '../parts/task.svelte.ts'
import type { Teacher } from '../models/teacher.svelte.ts'
import { Theme } from './theme.svelte.ts'
import { WebLlm } from '../models/web-llm.svelte.ts'
import type { Workspace } from '../project/workspace.svelte.ts'

/** Long work that runs while another screen is shown. */
export interface BackgroundWork {
  readonly href: string
  readonly sentence: string
}

/**
 * What projects need of the program is not part of the first page. It is loaded when a project is first opened: its seeds first, with which a
 * person begins, then everything else.
 */
const loadSeeds = () => import('../project/seeds.svelte.ts')
const loadWorkspace = () => import('../project/workspace.svelte.ts')

/** Min milliseconds between two readings of what other tabs changed. */
const CATCH_UP_EVERY_MS = 2000

export class App {
  readonly route: Route
  readonly theme: Theme
  readonly projects: Projects
  readonly examples: Examples
  readonly machine: Machine
  readonly webLlm: WebLlm
  readonly models: Models
  readonly roles: Roles
  readonly teacher: Teacher
  readonly endpoint: Endpoint
  readonly selfCheck: SelfCheck
  readonly service = new Service()
  readonly traffic: NetworkLog
  /** The first read of the store. */
  readonly opening = new Task()
  #seeds = $state.raw<ReadonlyMap<ProjectId, Seeds>>(new Map())
  #open = $state.raw<readonly Workspace[]>([])
  #startNote = $state<string | undefined>()
  #unloadable = $state(false)
  #backgroundWork = $derived.by(() => this.#findBackgroundWork())
  readonly #env: Environment
  #discarded: boolean
  readonly #changed = new Set<string>()
  #catchingUp = false

  constructor(env: Environment) {
    this.#env = env
    this.#discarded = env.wasDiscarded
    this.traffic = env.traffic
    this.machine = new Machine(env.threads)
    this.webLlm = new WebLlm(this.machine)
    this.route = new Route(env.window, (place) => void this.#enter(place))
    this.theme = new Theme(env.root, env.memory)
    this.projects = new Projects(env)
    this.examples = new Examples(env)
    this.models = new Models(env)
    this.roles = new Roles(env)
    this.teacher = this.roles.teacher
    this.endpoint = new Endpoint(env)
    this.selfCheck = new SelfCheck(env)
  }

  get backgroundWork(): BackgroundWork | undefined {
    return this.#backgroundWork
  }
  /** Work is running, on any screen, that a reload of the page would interrupt. */
  get isWorking(): boolean {
    return (
      this.#backgroundWork !== undefined ||
      this.selfCheck.task.running ||
      this.projects.task.running ||
      this.roles.loading ||
      this.roles.generating ||
      this.models.download.running ||
      [...this.#seeds.values()].some(({ task }) => task.running) ||
      this.#open.some(
        ({ recipe, runs, rows, runModels, datasets, students, comparisons, takeHome }) =>
          recipe.trial.running ||
          runs.task.running ||
          rows.judging.running ||
          runModels.running ||
          datasets.task.running ||
          datasets.merging.running ||
          students.task.running ||
          comparisons.task.running ||
          comparisons.measuring.running ||
          takeHome.task.running,
      )
    )
  }

  /** Reads what the first screen shows. `scope` is the browser's global scope. */
  async start(scope: MachineScope): Promise<void> {
    await this.opening.do(async () => {
      await Promise.all([this.projects.refresh(), this.machine.detect(scope), this.machine.threads.refresh()])
      this.roles.useMemory(this.machine.facts?.memoryGiB)
      if (this.machine.backends.includes('webgpu')) {
        this.roles.useBackend('webgpu')
        this.selfCheck.backend = 'webgpu'
      }
      await this.#enter(this.route.place)
    })
    // Another tab may have made, renamed or deleted projects meanwhile.
    this.#env.window.addEventListener('focus', () => void this.projects.refresh().catch(() => undefined))
    if (this.#env.awake !== undefined) {
      const awake = new Awake(this.#env.awake)
      $effect.root(() => {
        $effect(() => awake.update(this.isWorking, this.#findShare()))
      })
    }
    watchChanges(this.#env.machines.db, (parts) => this.#noteChanges(parts))
    // Nothing below is needed to use the page: what fails there is reported where it is shown.
    void this.projects.clearOrphans().catch(() => undefined)
    await Promise.all([this.models.refresh().catch(() => undefined), this.examples.refresh()])
    if (this.route.place.kind === 'screen')
      await this.workspaceOf(this.route.place.projectId)?.offerModels(this.models)
  }

  /** What a person should know about a start of the runtime that failed at first: a sentence, for every screen. */
  get startNote(): string | undefined {
    return this.#startNote
  }
  setStartNote(sentence: string): void {
    this.#startNote = sentence
  }

  /** True if a project's part of the program could not be fetched; `reenter` tries again. */
  get unloadable(): boolean {
    return this.#unloadable
  }
  reenter(): Promise<void> {
    return this.#enter(this.route.place)
  }

  /** The seeds of a project that was opened: they are there before the rest of it. */
  seedsOf(projectId: ProjectId): Seeds | undefined {
    return this.#seeds.get(projectId)
  }
  workspaceOf(projectId: ProjectId): Workspace | undefined {
    return this.#open.find((workspace) => workspace.projectId === projectId)
  }

  /** Creates a project and opens its first screen. */
  async createProject(): Promise<void> {
    const project = await this.projects.create()
    if (project === undefined) return
    void this.machine.protectQuietly()
    this.route.go(project.id, 'seeds')
  }

  async createFromExample(name: string): Promise<void> {
    const project = await this.examples.open(name)
    if (project === undefined) return
    await this.projects.refresh()
    this.route.go(project.id, 'seeds')
  }

  async openFile(file: File): Promise<void> {
    const project = await this.projects.open(file)
    // What was not used of the file is shown where it was opened.
    if (project !== undefined && this.projects.sentence === undefined) this.route.go(project.id, 'seeds')
  }

  async deleteEverything(): Promise<void> {
    if (!(await this.projects.deleteEverything())) return
    this.#closeDeleted()
    this.roles.forget()
    await Promise.all([this.roles.sync(), this.models.refresh()])
  }

  /** Shows what another tab, or a worker of this one, changed: at once, then at most every two seconds. */
  #noteChanges(parts: ReadonlySet<string>): void {
    for (const part of parts) this.#changed.add(part)
    if (this.#catchingUp) return
    this.#catchingUp = true
    void this.#catchUp()
      .catch(() => undefined) // the old state stays; the next change tries again
      .finally(() =>
        setTimeout(() => {
          this.#catchingUp = false
          if (this.#changed.size > 0) this.#noteChanges(new Set())
        }, CATCH_UP_EVERY_MS),
      )
  }

  async #catchUp(): Promise<void> {
    const parts = new Set(this.#changed)
    this.#changed.clear()
    if (parts.has('projects')) {
      await this.projects.refresh()
      this.#closeDeleted()
      // Its address was opened before this tab knew the project.
      if (this.route.place.kind === 'screen') await this.#enter(this.route.place)
    }
    if (parts.has('models')) await this.models.refresh()
    await Promise.all(this.#open.map((workspace) => workspace.refreshParts(parts)))
  }

  /** Releases projects that are deleted for good: each keeps its rows' index and the list of its seeds in memory. */
  #closeDeleted(): void {
    const isGone = ({ projectId }: Workspace): boolean => !this.projects.isStored(projectId)
    for (const workspace of this.#open) if (isGone(workspace)) workspace.close()
    if (this.#open.some(isGone)) this.#open = this.#open.filter((workspace) => !isGone(workspace))
    const seeds = [...this.#seeds].filter(([projectId]) => this.projects.isStored(projectId))
    if (seeds.length < this.#seeds.size) this.#seeds = new Map(seeds)
  }

  // Outside any effect: what is created here must outlive the screen that requested it.
  async #enter(place: Place): Promise<void> {
    if (place.kind !== 'screen') {
      void this.projects.refresh().then(
        () => this.#closeDeleted(),
        () => undefined, // the old list stays
      )
      return
    }
    const project = this.projects.find(place.projectId)
    if (project === undefined || this.workspaceOf(project.id) !== undefined) return
    this.#unloadable = false
    const seeds = await this.#openSeeds(project.id)
    const code = seeds && (await loadWorkspace().catch(() => undefined))
    if (code === undefined) this.#unloadable = true
    // Two navigations may have waited for the same code.
    if (seeds === undefined || code === undefined || this.workspaceOf(project.id) !== undefined) return
    const workspace = new code.Workspace(this.#env, project, seeds, this.roles, this.models)
    this.#open = [...this.#open, workspace]
    void workspace.refresh().then(() => this.#afterDiscard(workspace))
    void workspace.offerModels(this.models)
  }

  /** Undefined if the code could not be fetched. */
  async #openSeeds(projectId: ProjectId): Promise<Seeds | undefined> {
    const code = await loadSeeds().catch(() => undefined)
    const known = this.seedsOf(projectId)
    if (code === undefined || known !== undefined) return known
    const seeds = new code.Seeds(this.#env, projectId)
    this.#seeds = new Map(this.#seeds).set(projectId, seeds)
    // The workspace reads again what failed here, and reports it.
    void seeds.refresh().catch(() => undefined)
    return seeds
  }

  /** Once, for the project that was open when the browser discarded the page. */
  #afterDiscard({ students }: Workspace): void {
    if (!this.#discarded) return
    this.#discarded = false
    void students.resumeAfterDiscard()
  }

  /** How much is done of the work in progress, 0 to 1; undefined if that is not known. */
  #findShare(): number | undefined {
    for (const { runs, students, comparisons } of this.#open) {
      const { task } = [runs, comparisons].find((work) => work.task.running) ?? {}
      if (task?.progress && task.progress.total > 0) return task.progress.done / task.progress.total
      const training = students.task.running ? students.task.progress : undefined
      if (training && training.steps > 0) return training.step / training.steps
    }
    return undefined
  }

  #findBackgroundWork(): BackgroundWork | undefined {
    const { place } = this.route
    if (this.selfCheck.task.running && place.kind !== 'self-check')
      return { href: SELF_CHECK, sentence: 'The self-check is running' }
    for (const { projectId, runs, students, comparisons } of this.#open) {
      const here = place.kind === 'screen' && place.projectId === projectId ? place.screen : undefined
      if (runs.task.running && here !== 'run')
        return {
          href: hrefOf(projectId, 'run'),
          sentence: runs.task.progress?.sentence ?? 'A run is in progress',
        }
      if (students.task.running && here !== 'student')
        return {
          href: hrefOf(projectId, 'student'),
          sentence: students.task.progress?.sentence ?? 'A student is being trained',
        }
      if (comparisons.task.running && here !== 'compare')
        return {
          href: hrefOf(projectId, 'compare'),
          sentence: comparisons.task.progress?.sentence ?? 'A comparison is in progress',
        }
    }
    return undefined
  }
}
