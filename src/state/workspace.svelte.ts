// Knows: the state of one open project, all concerns together. It lives on while the person looks at another project,
// so that a run in hand goes on.
import type { ProjectId } from '../domain/id.ts'
import type { Project } from '../domain/project.ts'
import { Comparisons } from './comparisons.svelte.ts'
import { Datasets } from './datasets.svelte.ts'
import { tellMarks } from './marks.ts'
import type { Models } from './models.svelte.ts'
import { Recipe } from './recipe.svelte.ts'
import { Rows } from './rows.svelte.ts'
import { Runs } from './runs.svelte.ts'
import { Seeds } from './seeds.svelte.ts'
import { Students } from './students.svelte.ts'
import type { Surroundings } from './surroundings.ts'
import { TakeHome } from './take-home.svelte.ts'
import { Task } from './task.svelte.ts'
import { Traces } from './traces.svelte.ts'
import type { Teacher } from './teacher.svelte.ts'

export class Workspace {
  readonly projectId: ProjectId
  readonly teacher: Teacher
  readonly seeds: Seeds
  readonly recipe: Recipe
  readonly runs: Runs
  readonly rows: Rows
  readonly datasets: Datasets
  readonly students: Students
  readonly traces: Traces
  readonly comparisons: Comparisons
  readonly takeHome: TakeHome
  readonly reading = new Task()
  /** The teacher that this project used last and kept. */
  readonly teacherName: string | undefined
  #marks = $derived.by(() => tellMarks(this))

  constructor(around: Surroundings, project: Project, teacher: Teacher) {
    const { id } = project
    this.projectId = id
    this.teacher = teacher
    this.teacherName = project.teacherName
    this.seeds = new Seeds(around, id)
    this.recipe = new Recipe(around, id, project.recipeText)
    this.rows = new Rows(around, id)
    this.runs = new Runs(around, id, () => void this.rows.show(this.runs.latest?.id))
    this.datasets = new Datasets(around, id)
    this.students = new Students(around, id)
    this.traces = new Traces(around, id)
    this.comparisons = new Comparisons(around, id, () => this.students.chosen?.id)
    this.takeHome = new TakeHome(around, id)
  }

  /** Where each step stands. */
  get marks(): ReturnType<typeof tellMarks> {
    return this.#marks
  }

  /** Reads from the store what the screens need first. */
  async refresh(): Promise<void> {
    await this.reading.do(async () => {
      await Promise.all([
        this.seeds.refresh(),
        this.runs.refresh(),
        this.datasets.refresh(),
        this.students.refresh(),
        this.comparisons.refresh(),
      ])
    })
  }

  /** Offers the project's own teacher where it is here (kept in this browser, or in the box) and nothing else is chosen. */
  async offerTeacher(models: Models): Promise<void> {
    if (this.teacher.choice !== undefined || this.teacher.description !== undefined) return
    const offered = models.boxed ? [models.boxed, ...models.list] : models.list
    const kept = offered.find(
      ({ name, where }) => (where === 'box' || where === 'stored') && name === this.teacherName,
    )
    if (kept !== undefined) await this.teacher.choose(kept.source, kept.name)
  }
}
