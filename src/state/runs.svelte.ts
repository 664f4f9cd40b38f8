// Knows: a project's runs: the stored ones, the running one, its funnel, and the prompts or rows of a bar.
import { computeFunnel } from '../actions/funnel.ts'
import { listBarMembers, type BarSelection, type BarMembers } from '../actions/list-bar-members.ts'
import { resumeRun, startRun } from '../actions/run-recipe.ts'
import { checkStorageSpace, type StorageSpace } from '../actions/storage-space.ts'
import type { ProjectId } from '../domain/id.ts'
import type { TeacherDescription } from '../domain/teacher-description.ts'
import type { Problem } from '../domain/problem.ts'
import type { Prompt } from '../domain/prompt.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { Row } from '../domain/row.ts'
import type { FunnelBar, Run, RunProgress } from '../domain/run.ts'
import { boundRun } from '../pipeline/estimate.ts'
import type { BuiltInTeacherCard } from '../pipeline/built-in-teacher-card.ts'
import { adviseOnTeacher, checkAgainstTeacher } from '../pipeline/recipes/check-teacher.ts'
import { checkRecipeText } from '../pipeline/recipes/check-recipe.ts'
import { listPrompts } from '../storage/prompts.ts'
import { readRows } from '../storage/rows.ts'
import { listRuns } from '../storage/runs.ts'
import { WatchedControl } from './control.svelte.ts'
import type { Environment } from './environment.ts'
import { Task } from './task.svelte.ts'

/** An open bar: the selected part, and its prompts or rows. */
export interface OpenBar {
  readonly bar: FunnelBar
  readonly part: BarSelection['part']
  readonly members: BarMembers
}

export class Runs {
  readonly task = new Task<RunProgress>()
  #list = $state.raw<readonly Run[]>([])
  #ready = $state(false)
  #stored = $state.raw<readonly FunnelBar[]>([])
  #open = $state.raw<OpenBar | undefined>()
  /** The newest run: the one all screens show. */
  #latest = $derived(this.#list[0])
  #interrupted = $derived(
    this.#latest !== undefined && this.#latest.status !== 'finished' && !this.task.running
      ? this.#latest
      : undefined,
  )
  #funnel = $derived(this.task.running && this.task.progress ? this.task.progress.funnel : this.#stored)
  readonly opening = new Task()
  readonly control = new WatchedControl()
  readonly #env: Environment
  readonly #projectId: ProjectId
  readonly #onEnd: () => void

  /** `onEnd` is called when a run ends or is interrupted: lists of its rows are out of date then. */
  constructor(env: Environment, projectId: ProjectId, onEnd: () => void) {
    this.#env = env
    this.#projectId = projectId
    this.#onEnd = onEnd
  }

  /** Newest first. */
  get list(): readonly Run[] {
    return this.#list
  }
  get ready(): boolean {
    return this.#ready
  }
  get latest(): Run | undefined {
    return this.#latest
  }
  /** The newest run, if it has not finished and is not running here. */
  get interrupted(): Run | undefined {
    return this.#interrupted
  }
  get funnel(): readonly FunnelBar[] {
    return this.#funnel
  }
  /** Rows that passed the last step. */
  get kept(): number {
    return this.#funnel.at(-1)?.passed ?? 0
  }
  get open(): OpenBar | undefined {
    return this.#open
  }

  async refresh(): Promise<void> {
    const { db } = this.#env.machines
    const list = await listRuns(db, this.#projectId)
    const [latest] = list
    const recipe = latest === undefined ? undefined : this.#recipeOf(latest)
    const funnel =
      latest === undefined || recipe === undefined
        ? []
        : await computeFunnel(db, this.#projectId, latest.id, recipe)
    // Assigned together, so that a finished run is never shown with the counts from its start.
    this.#list = list
    this.#stored = funnel
    this.#ready = true
  }

  /** Upper bounds of the rows and bytes of a run of this recipe over `seeds` seeds, against the storage left. */
  async checkStorage(
    recipe: CheckedRecipe,
    seeds: number,
  ): Promise<{ readonly rows: number; readonly storageBytes: number } & StorageSpace> {
    const bound = boundRun(recipe, seeds)
    return { ...bound, ...(await checkStorageSpace(bound.storageBytes)) }
  }

  start(recipe: CheckedRecipe, teacher: TeacherDescription): Promise<Run | undefined> {
    return this.#run((control) =>
      startRun(this.#env.machines, { projectId: this.#projectId, recipe, teacher }, control),
    )
  }

  /** Resumes a run that was interrupted, paused, stopped or failed. */
  resume(run: Run, teacher: TeacherDescription): Promise<Run | undefined> {
    return this.#run((control) =>
      resumeRun(this.#env.machines, { projectId: this.#projectId, runId: run.id, teacher }, control),
    )
  }

  /** Finds the prompts or rows of a bar, or of a part of it. */
  async openBar(bar: FunnelBar, part: BarSelection['part']): Promise<void> {
    const run = this.#latest
    const recipe = run === undefined ? undefined : this.#recipeOf(run)
    if (run === undefined || recipe === undefined) return
    const members = await this.opening.do(() =>
      listBarMembers(this.#env.machines.db, {
        projectId: this.#projectId,
        runId: run.id,
        recipe,
        bar: { step: bar.step, part },
      }),
    )
    if (members !== undefined) this.#open = { bar, part, members }
  }

  /** What the recipe requires that the loaded teacher does not support. */
  findMismatch(recipe: CheckedRecipe, teacher: TeacherDescription): readonly Problem[] {
    return checkAgainstTeacher(recipe, teacher)
  }
  /** Advice on this recipe with this teacher; none of it prevents a run. */
  advise(
    recipe: CheckedRecipe,
    teacher: TeacherDescription,
    builtIn?: BuiltInTeacherCard,
  ): readonly string[] {
    return adviseOnTeacher(recipe, teacher, builtIn)
  }

  closeBar(): void {
    this.#open = undefined
  }

  /** The prompts of an open bar, in its order. */
  async readPrompts(members: Extract<BarMembers, { of: 'prompt' }>): Promise<readonly Prompt[]> {
    const run = this.#latest
    if (run === undefined) return []
    const byId = new Map(
      (await listPrompts(this.#env.machines.db, this.#projectId, run.id)).map((prompt) => [
        prompt.id,
        prompt,
      ]),
    )
    return members.ids.flatMap((id) => byId.get(id) ?? [])
  }

  /** The rows of an open bar. */
  readRows(members: Extract<BarMembers, { of: 'completion' }>): Promise<readonly Row[]> {
    return readRows(this.#env.machines.db, this.#projectId, members.ids)
  }

  async #run(
    start: (control: ReturnType<WatchedControl['begin']>) => AsyncGenerator<RunProgress, Run>,
  ): Promise<Run | undefined> {
    if (this.task.running) return undefined
    const ended = await this.task.do(async (_signal, report) => {
      const work = start(this.control.begin())
      for (;;) {
        const next = await work.next()
        if (next.done) {
          await this.refresh() // before the task ends: otherwise the screen would briefly show an interrupted run
          return next.value
        }
        // The run is stored by now: it should be listed before its first row is there.
        if (this.task.progress === undefined)
          this.#list = await listRuns(this.#env.machines.db, this.#projectId)
        report(next.value)
      }
    })
    this.control.end()
    if (ended === undefined) await this.refresh()
    this.#onEnd()
    return ended
  }

  #recipeOf(run: Run): CheckedRecipe | undefined {
    const checked = checkRecipeText(run.recipeText)
    return checked.ok ? checked.value : undefined
  }
}
