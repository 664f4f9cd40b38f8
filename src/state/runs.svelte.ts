// Knows: a project's runs: those stored, the one in hand, its funnel and what stands behind a bar.
import { computeFunnel } from '../actions/funnel.ts'
import { listRowsOfBar, type BarChoice, type BarMembers } from '../actions/rows-of-bar.ts'
import { resumeRun, startRun } from '../actions/run-recipe.ts'
import { weighStorage, type StorageRoom } from '../actions/storage-room.ts'
import type { ProjectId } from '../domain/id.ts'
import type { TeacherDescription } from '../domain/model.ts'
import type { Problem } from '../domain/problem.ts'
import type { Prompt } from '../domain/prompt.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { Row } from '../domain/row.ts'
import type { FunnelBar, Run, RunProgress } from '../domain/run.ts'
import { boundRun } from '../pipeline/estimate.ts'
import type { BoxCard } from '../pipeline/box-card.ts'
import { adviseOnTeacher, checkAgainstTeacher } from '../pipeline/recipes/check-teacher.ts'
import { checkRecipeText } from '../pipeline/recipes/check-recipe.ts'
import { listPrompts } from '../storage/prompts.ts'
import { readRows } from '../storage/rows.ts'
import { listRuns } from '../storage/runs.ts'
import { WatchedControl } from './control.svelte.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'

/** A bar that is open: what was chosen, and the prompts or rows behind it. */
export interface OpenBar {
  readonly bar: FunnelBar
  readonly part: BarChoice['part']
  readonly members: BarMembers
}

export class Runs {
  readonly task = new Task<RunProgress>()
  #list = $state.raw<readonly Run[]>([])
  #ready = $state(false)
  #stored = $state.raw<readonly FunnelBar[]>([])
  #open = $state.raw<OpenBar | undefined>()
  /** The newest: the one that all screens speak of. */
  #latest = $derived(this.#list[0])
  #interrupted = $derived(
    this.#latest !== undefined && this.#latest.status !== 'finished' && !this.task.going
      ? this.#latest
      : undefined,
  )
  #funnel = $derived(this.task.going && this.task.progress ? this.task.progress.funnel : this.#stored)
  readonly opening = new Task()
  readonly control = new WatchedControl()
  readonly #around: Surroundings
  readonly #projectId: ProjectId
  readonly #onEnd: () => void

  /** `onEnd` is called when a run has ended or rests: what others show of its rows is old then. */
  constructor(around: Surroundings, projectId: ProjectId, onEnd: () => void) {
    this.#around = around
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
  /** The newest run where it has not finished and is not in hand here. */
  get interrupted(): Run | undefined {
    return this.#interrupted
  }
  get funnel(): readonly FunnelBar[] {
    return this.#funnel
  }
  /** Rows that the last step let through. */
  get kept(): number {
    return this.#funnel.at(-1)?.passed ?? 0
  }
  get open(): OpenBar | undefined {
    return this.#open
  }

  async refresh(): Promise<void> {
    const { db } = this.#around.machines
    const list = await listRuns(db, this.#projectId)
    const [latest] = list
    const recipe = latest === undefined ? undefined : this.#recipeOf(latest)
    const funnel =
      latest === undefined || recipe === undefined
        ? []
        : await computeFunnel(db, this.#projectId, latest.id, recipe)
    // Together: a finished run never stands beside the counts of its beginning.
    this.#list = list
    this.#stored = funnel
    this.#ready = true
  }

  /** What a run of this recipe over so many seeds will ask for and store at most, against the room there is. */
  async weigh(
    recipe: CheckedRecipe,
    seeds: number,
  ): Promise<{ readonly rows: number; readonly storageBytes: number } & StorageRoom> {
    const bound = boundRun(recipe, seeds)
    return { ...bound, ...(await weighStorage(bound.storageBytes)) }
  }

  start(recipe: CheckedRecipe, teacher: TeacherDescription): Promise<Run | undefined> {
    return this.#carry((control) =>
      startRun(this.#around.machines, { projectId: this.#projectId, recipe, teacher }, control),
    )
  }

  /** Goes on with a run that was interrupted, paused, stopped or that failed. */
  goOn(run: Run, teacher: TeacherDescription): Promise<Run | undefined> {
    return this.#carry((control) =>
      resumeRun(this.#around.machines, { projectId: this.#projectId, runId: run.id, teacher }, control),
    )
  }

  /** Finds what stands behind a bar, or behind a part of it. */
  async openBar(bar: FunnelBar, part: BarChoice['part']): Promise<void> {
    const run = this.#latest
    const recipe = run === undefined ? undefined : this.#recipeOf(run)
    if (run === undefined || recipe === undefined) return
    const members = await this.opening.do(() =>
      listRowsOfBar(this.#around.machines.db, {
        projectId: this.#projectId,
        runId: run.id,
        recipe,
        bar: { step: bar.step, part },
      }),
    )
    if (members !== undefined) this.#open = { bar, part, members }
  }

  /** What the recipe asks that the loaded teacher cannot give. */
  findMismatch(recipe: CheckedRecipe, teacher: TeacherDescription): readonly Problem[] {
    return checkAgainstTeacher(recipe, teacher)
  }
  /** What a person should know of this recipe with this teacher; nothing of it stops a run. */
  advise(recipe: CheckedRecipe, teacher: TeacherDescription, box?: BoxCard): readonly string[] {
    return adviseOnTeacher(recipe, teacher, box)
  }

  closeBar(): void {
    this.#open = undefined
  }

  /** The prompts behind an open bar, in its order. */
  async readPrompts(members: Extract<BarMembers, { of: 'prompt' }>): Promise<readonly Prompt[]> {
    const run = this.#latest
    if (run === undefined) return []
    const byId = new Map(
      (await listPrompts(this.#around.machines.db, this.#projectId, run.id)).map((prompt) => [
        prompt.id,
        prompt,
      ]),
    )
    return members.ids.flatMap((id) => byId.get(id) ?? [])
  }

  /** The rows behind an open bar. */
  readRows(members: Extract<BarMembers, { of: 'completion' }>): Promise<readonly Row[]> {
    return readRows(this.#around.machines.db, this.#projectId, members.ids)
  }

  async #carry(
    start: (control: ReturnType<WatchedControl['begin']>) => AsyncGenerator<RunProgress, Run>,
  ): Promise<Run | undefined> {
    if (this.task.going) return undefined
    const ended = await this.task.do(async (_signal, report) => {
      const work = start(this.control.begin())
      for (;;) {
        const next = await work.next()
        if (next.done) {
          await this.refresh() // before the work counts as ended: in between the screen would speak of an interrupted run
          return next.value
        }
        // The run is stored by now: the list should have it before the first row is there.
        if (this.task.progress === undefined)
          this.#list = await listRuns(this.#around.machines.db, this.#projectId)
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
