// Knows: the state of one open project. It stays alive while another project is shown, so that its work continues.
import type { ProjectId } from '../../domain/id.ts'
import type { Project } from '../../domain/project.ts'
import type { Role } from '../../domain/role.ts'
import { Comparisons } from './comparisons.svelte.ts'
import { Datasets } from './datasets.svelte.ts'
import { EndNotices } from '../app/end-notices.svelte.ts'
import { stepStatuses } from './step-statuses.ts'
import type { Models } from '../models/models.svelte.ts'
import { Recipe } from './recipe.svelte.ts'
import type { Roles } from '../models/roles.svelte.ts'
import { RunModels } from '../models/run-models.svelte.ts'
import { Rows } from './rows.svelte.ts'
import { Runs } from './runs.svelte.ts'
import type { Seeds } from './seeds.svelte.ts'
import { Students } from './students.svelte.ts'
import type { Environment } from '../app/environment.ts'
import { TakeHome } from './take-home.svelte.ts'
import { Task } from '../parts/task.svelte.ts'
import { TeacherRecall, teacherNeededBy } from '../models/teacher-recall.svelte.ts'
import { SoftTargets } from './soft-targets.svelte.ts'
import type { Teacher } from '../models/teacher.svelte.ts'
import { TrainingChecks } from './training-checks.svelte.ts'
import { TrainingForm } from './training-form.svelte.ts'

const notices = new WeakMap<Environment, EndNotices>()
/** The same for all projects. */
function noticesOf(env: Environment): EndNotices {
  const found = notices.get(env) ?? new EndNotices(env)
  notices.set(env, found)
  return found
}

export class Workspace {
  readonly projectId: ProjectId
  readonly teacher: Teacher
  readonly roles: Roles
  readonly seeds: Seeds
  readonly recipe: Recipe
  readonly runs: Runs
  readonly rows: Rows
  readonly datasets: Datasets
  readonly students: Students
  readonly training: TrainingForm
  readonly checks: TrainingChecks
  readonly softTargets: SoftTargets
  readonly comparisons: Comparisons
  readonly takeHome: TakeHome
  readonly recall: TeacherRecall
  readonly runModels: RunModels
  readonly notices: EndNotices
  readonly reading = new Task()
  /** File name of the last teacher of this project that is stored or built in. */
  readonly teacherName: string | undefined
  /** The same for models of other roles. */
  readonly #modelNames: Readonly<Record<Role, string>>
  readonly #unwatch: () => void
  #stepStatuses = $derived.by(() => stepStatuses(this))

  /** `seeds` are this project's. */
  constructor(env: Environment, project: Project, seeds: Seeds, roles: Roles, models: Models) {
    const { id } = project
    const { teacher } = roles
    this.projectId = id
    this.teacher = teacher
    this.roles = roles
    this.teacherName = project.teacherName
    this.#modelNames = project.modelNames ?? {}
    this.seeds = seeds
    this.recipe = new Recipe(env, id, project.recipeText)
    this.rows = new Rows(env, id)
    this.runs = new Runs(env, id, () => void this.rows.show(this.runs.withRows?.id))
    this.datasets = new Datasets(env, id)
    this.students = new Students(
      env,
      id,
      async (student) => {
        const wanted = teacherNeededBy(student)
        if (wanted !== undefined) await this.recall.recall(wanted)
      },
      teacher.formats,
    )
    const offered = {
      models,
      students: () => this.students.usable,
      lastName: project.teacherName,
      makeRoom: (role: Role) => roles.makeRoom(role),
    }
    this.recall = new TeacherRecall(env, id, { teacher, ...offered })
    this.runModels = new RunModels(roles, (role) =>
      role === 'teacher'
        ? this.recall
        : new TeacherRecall(env, id, { teacher: roles.open(role).teacher, ...offered }),
    )
    this.training = new TrainingForm(this.recipe)
    this.softTargets = new SoftTargets(env, id)
    this.checks = new TrainingChecks(env, this)
    this.comparisons = new Comparisons(env, id, () => this.students.chosen?.id)
    this.takeHome = new TakeHome(env, id)
    this.notices = noticesOf(env)
    this.#unwatch = this.notices.watch(
      () => project.name,
      [
        { name: 'Run', task: this.runs.task },
        { name: 'Training', task: this.students.task },
        { name: 'Comparison', task: this.comparisons.task },
      ],
    )
  }

  /** Models are at work. */
  get isWorking(): boolean {
    return (
      this.runs.task.running ||
      this.recipe.trial.running ||
      this.rows.judging.running ||
      this.students.task.running ||
      this.comparisons.task.running
    )
  }

  /** Ends what outlives the screens. Called once the project is deleted. */
  close(): void {
    this.#unwatch()
  }

  /** The status of each step. */
  get stepStatuses(): ReturnType<typeof stepStatuses> {
    return this.#stepStatuses
  }

  /** Reads what the screens need first from the store. */
  async refresh(): Promise<void> {
    await this.reading.do(async () => {
      await Promise.all([
        this.seeds.ready ? undefined : this.seeds.refresh(),
        this.runs.refresh(),
        this.datasets.refresh(),
        this.students.refresh(),
        this.comparisons.refresh(),
      ])
    })
  }

  /** Reads again what another tab or thread changed, except what this tab is working on: that is read when it ends. */
  async refreshParts(parts: ReadonlySet<string>): Promise<void> {
    const changed = (...names: readonly string[]): boolean => names.some((name) => parts.has(name))
    if (changed('seeds') && !this.seeds.task.running) await this.seeds.refresh()
    if (changed('runs', 'prompts', 'rows') && !this.runs.task.running) await this.runs.refreshSparingly()
    if (changed('datasets') && !this.datasets.task.running) await this.datasets.refresh()
    if (changed('students') && !this.students.task.running) await this.students.refresh()
    if (changed('comparisons') && !this.comparisons.task.running) await this.comparisons.refresh()
  }

  /** Chooses the project's own models if they are stored in this browser or built in, for roles for which nothing else is chosen. */
  async offerModels(models: Models): Promise<void> {
    const offered = models.builtIn ? [models.builtIn, ...models.list] : models.list
    const names = {
      ...this.#modelNames,
      ...(this.teacherName === undefined ? {} : { teacher: this.teacherName }),
    }
    await Promise.all(
      Object.entries(names).map(async ([role, wanted]) => {
        const { teacher } = this.roles.open(role)
        if (teacher.choice !== undefined || teacher.description !== undefined) return
        const known = offered.find(
          ({ name, where }) => (where === 'built-in' || where === 'stored') && name === wanted,
        )
        if (known !== undefined) await teacher.choose(known.source, known.name)
      }),
    )
  }
}
