// Knows: a project's runs: the stored ones, the running one, the one that is shown, its funnel, and the prompts or rows of a bar.
import type { BarSelection, BarMembers } from '../../actions/run/list-bar-members.ts'
import { nameRunLock } from '../../actions/run/run-lock.ts'
import type { RunPreview } from '../../actions/recipe/preview-run.ts'
import { checkStorageSpace, type StorageSpace } from '../../actions/machine/storage-space.ts'
import { modelOf, type Cast } from '../../domain/cast.ts'
import type { ProjectId, RunId } from '../../domain/id.ts'
import type { Problem } from '../../domain/problem.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { Row } from '../../domain/row.ts'
import type { FunnelBar, Run, RunProgress } from '../../domain/run.ts'
import type { Advice } from '../../pipeline/advice/advice.ts'
import type { RunFacts } from '../../pipeline/advice/run-facts.ts'
import { adviseOnRun } from '../../pipeline/advice/run-advice.ts'
import { boundRun } from '../../pipeline/estimate.ts'
import type { BuiltInTeacherCard } from '../../pipeline/built-in-teacher-card.ts'
import { adviseOnTeacher } from '../../pipeline/recipes/advise-on-teacher.ts'
import { announceTurns } from '../../pipeline/recipes/announce-turns.ts'
import { checkModels } from '../../pipeline/recipes/check-models.ts'
import { countPrompts, listPrompts } from '../../storage/prompts.ts'
import { countRows, readRows } from '../../storage/rows.ts'
import { listRuns, readRuns } from '../../storage/runs.ts'
import type { RunControl } from '../../actions/control.ts'
import { WatchedControl } from '../parts/control.svelte.ts'
import { Elsewhere } from '../app/elsewhere.svelte.ts'
import type { Environment } from '../app/environment.ts'
import { findLeftOut, listBarMembers, previewRun, readRunFacts, resumeRun, startRun } from '../app/later.ts'
import { loadRecipeText } from './recipe-text.svelte.ts'
import { RunPair } from './run-pair.svelte.ts'
import { RunDeletions } from './run-deletions.ts'
import { Task } from '../parts/task.svelte.ts'
import { Undo } from '../parts/undo.svelte.ts'

/** Rows of a stored run. */
export interface RunCounts {
  readonly rows: number
  readonly kept: number
  /** Prompts, dropped ones included; counted only while there are no rows. */
  readonly prompts: number
}

/** Share of the time for which a passive tab reads the rows of a run that another tab works on. */
export type { RunPreview } from '../../actions/recipe/preview-run.ts'

const READING_SHARE = 0.05

const NO_ROWS: RunCounts = { rows: 0, kept: 0, prompts: 0 }

/** An open bar: the selected part, and its prompts or rows. */
export interface OpenBar {
  readonly bar: FunnelBar
  readonly part: BarSelection['part']
  readonly members: BarMembers
}

export class Runs {
  readonly task = new Task<RunProgress>()
  /** A run of this project that is in progress in another tab. */
  readonly elsewhere = new Elsewhere()
  #list = $state.raw<readonly Run[]>([])
  #counts = $state.raw<ReadonlyMap<RunId, RunCounts>>(new Map())
  #ready = $state(false)
  #facts = $state.raw<RunFacts | undefined>()
  /** Why the recipe of the shown run cannot be read. */
  #recipeProblem = $state<string | undefined>()
  #open = $state.raw<OpenBar | undefined>()
  #chosenId = $state<RunId | undefined>()
  /** The run being resumed; a new one is the newest. */
  #resumedId = $state<RunId | undefined>()
  #latest = $derived(this.#list[0])
  #chosen = $derived(this.#list.find(({ id }) => id === this.#chosenId))
  #active = $derived(
    this.task.running && this.task.progress
      ? (this.#list.find(({ id }) => id === this.#resumedId) ?? this.#latest)
      : undefined,
  )
  /** A run that has stored rows; of the active one, its progress shows that. */
  #hasRows = (run: Run): boolean =>
    this.countsOf(run).rows > 0 ||
    (run === this.#active &&
      (this.task.progress?.funnel.some(({ of, reached }) => of === 'completion' && reached > 0) ?? false))
  #withRows = $derived(this.#chosen ?? this.#list.find((run) => this.#hasRows(run)))
  #subject = $derived(this.#active ?? this.#chosen ?? this.#latest)
  #shown = $derived(this.#active ?? this.#withRows ?? this.#latest)
  #interrupted = $derived(
    this.#subject !== undefined &&
      this.#subject.status !== 'finished' &&
      !this.task.running &&
      this.elsewhere.holder === undefined
      ? this.#subject
      : undefined,
  )
  #funnel = $derived(
    this.task.running && this.task.progress ? this.task.progress.funnel : (this.#facts?.funnel ?? []),
  )
  /** On the shown run, while none is in progress. */
  #advice = $derived(this.task.running || this.#facts === undefined ? [] : adviseOnRun(this.#facts))
  /** Two runs that are compared with each other. */
  readonly pair: RunPair
  readonly deleting = new Task()
  readonly undo = new Undo()
  readonly opening = new Task()
  readonly control = new WatchedControl()
  readonly #env: Environment
  readonly #projectId: ProjectId
  readonly #onEnd: () => void
  readonly #deletions: RunDeletions
  /** When the facts were read last, of which run, and how long that took, in milliseconds. */
  #lastRead: { readonly run: Run | undefined; readonly at: number; readonly took: number } | undefined
  #laterRead: ReturnType<typeof setTimeout> | undefined

  /** `onEnd` is called when a run ends or is interrupted: lists of its rows are out of date then. */
  constructor(env: Environment, projectId: ProjectId, onEnd: () => void) {
    this.#env = env
    this.#projectId = projectId
    this.#onEnd = onEnd
    this.pair = new RunPair(env)
    this.#deletions = new RunDeletions(env, projectId, this.undo, (restore) => this.#restore(restore))
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
  /** The run that the status and *Resume* concern: the active one, else the chosen one, else the newest. */
  get subject(): Run | undefined {
    return this.#subject
  }
  /** The run whose funnel is shown: the active one, else the chosen one, else the newest that has rows, else the newest. */
  get shown(): Run | undefined {
    return this.#shown
  }
  /** The run whose rows are shown: the chosen one, else the newest that has rows. */
  get withRows(): Run | undefined {
    return this.#withRows
  }
  /** The run in progress here. */
  get active(): Run | undefined {
    return this.#active
  }
  /** The subject, if it has not finished and is not running here. */
  get interrupted(): Run | undefined {
    return this.#interrupted
  }
  countsOf({ id }: Pick<Run, 'id'>): RunCounts {
    return this.#counts.get(id) ?? NO_ROWS
  }
  get funnel(): readonly FunnelBar[] {
    return this.#funnel
  }
  /** What the shown run's rows suggest to change. Its remedies name steps of that run's recipe. */
  get advice(): readonly Advice[] {
    return this.#advice
  }
  /** The recipe of the shown run. */
  get adviceRecipe(): CheckedRecipe | undefined {
    return this.#facts?.recipe
  }
  /** Why the shown run has no funnel, if its recipe is one of a later version. */
  get recipeProblem(): string | undefined {
    return this.task.running ? undefined : this.#recipeProblem
  }
  /** Rows that passed the last step. */
  get kept(): number {
    return this.#funnel.at(-1)?.passed ?? 0
  }
  get open(): OpenBar | undefined {
    return this.#open
  }

  refresh(): Promise<void> {
    return this.#refresh(() => true)
  }

  /**
   * Reads what another tab or thread changed: the list and its counts at once; what needs every row of the shown run for a twentieth of the
   * time at most, and at once if its status changed.
   */
  async refreshSparingly(): Promise<void> {
    const last = this.#lastRead
    const wait = last === undefined ? 0 : last.at + last.took * (1 / READING_SHARE) - performance.now()
    let left = false
    await this.#refresh((shown) => {
      left = wait > 0 && shown?.id === last?.run?.id && shown?.status === last?.run?.status
      return !left
    })
    if (left && this.#laterRead === undefined)
      this.#laterRead = setTimeout(() => {
        this.#laterRead = undefined
        if (!this.task.running) void this.refresh().catch(() => undefined)
      }, wait)
  }

  async #refresh(withFacts: (shown: Run | undefined) => boolean): Promise<void> {
    const { db } = this.#env.machines
    const { listed: list, deleted } = await readRuns(db, this.#projectId)
    await this.#deletions.finish(deleted)
    await this.elsewhere.check(nameRunLock(this.#projectId), this.task.running, () =>
      this.refresh().catch(() => undefined),
    )
    const counts = await this.#count(list)
    const shown =
      list.find(({ id }) => id === this.#chosenId) ??
      list.find(({ id }) => (counts.get(id)?.rows ?? 0) > 0) ??
      list[0]
    const since = performance.now()
    const isRead = withFacts(shown)
    const facts = isRead ? await this.#readFacts(shown) : this.#facts
    if (isRead) this.#lastRead = { run: shown, at: performance.now(), took: performance.now() - since }
    // Assigned together, so that a finished run is never shown with the counts from its start.
    this.#list = list
    this.#counts = counts
    this.#facts = facts
    this.#ready = true
  }

  /** Shows a run's funnel and rows until another is chosen or a new one starts; undefined: the newest that has rows. */
  async choose(id: RunId | undefined): Promise<void> {
    this.#open = undefined
    const chosen =
      this.#list.find((run) => run.id === id) ??
      this.#list.find((run) => this.countsOf(run).rows > 0) ??
      this.#latest
    const read = await this.opening.do(async () => ({ facts: await this.#readFacts(chosen) }))
    if (read === undefined) return
    this.#chosenId = id
    this.#facts = read.facts
  }

  /** Deletes a run with its rows; datasets frozen from it stay. Can be undone until the offer is dismissed or this tab is gone. */
  async delete(run: Run): Promise<void> {
    const { rows } = this.countsOf(run)
    const deleted = await this.deleting.do(async () => {
      const isDeleted = await this.#deletions.delete(run, rows)
      if (this.#chosenId === run.id) this.#chosenId = undefined
      await this.refresh()
      return isDeleted
    })
    if (deleted === undefined) return
    this.#deletions.offerUndo()
    this.#onEnd()
  }

  /** True if the runs were restored. */
  async #restore(restore: () => Promise<void>): Promise<boolean> {
    const restored = await this.deleting.do(async () => {
      await restore()
      return true
    })
    await this.refresh()
    this.#onEnd()
    return restored ?? false
  }

  /** Upper bounds of the rows and bytes of a run of this recipe over `seeds` seeds, against the storage left. */
  async checkStorage(
    recipe: CheckedRecipe,
    seeds: number,
  ): Promise<{ readonly rows: number; readonly storageBytes: number } & StorageSpace> {
    const bound = boundRun(recipe, seeds)
    return { ...bound, ...(await checkStorageSpace(bound.storageBytes)) }
  }

  /** What a new run of this recipe would find in the journal; undefined if that is nothing, or cannot be read. */
  async preview(recipe: CheckedRecipe, cast: Cast, signal: AbortSignal): Promise<RunPreview | undefined> {
    const request = { projectId: this.#projectId, recipe, ...cast }
    return previewRun(this.#env.machines, request, signal).catch(() => undefined) // only a sentence depends on it
  }

  /** What grown prompts will leave out of the seeds, as a sentence; undefined if that is nothing, or cannot be read. */
  findLeftOut(recipe: CheckedRecipe): Promise<string | undefined> {
    return findLeftOut(this.#env.machines.db, this.#projectId, recipe).catch(() => undefined) // the run reports it too
  }

  start(recipe: CheckedRecipe, cast: Cast): Promise<Run | undefined> {
    this.#chosenId = undefined
    this.#resumedId = undefined
    return this.#run((control) =>
      startRun(this.#env.machines, { projectId: this.#projectId, recipe, ...cast }, control),
    )
  }

  /** Resumes a run that was interrupted, paused, stopped or failed. */
  resume(run: Run, cast: Cast): Promise<Run | undefined> {
    this.#resumedId = run.id
    return this.#run((control) =>
      resumeRun(this.#env.machines, { projectId: this.#projectId, runId: run.id, ...cast }, control),
    )
  }

  /** Finds the prompts or rows of a bar, or of a part of it. */
  async openBar(bar: FunnelBar, part: BarSelection['part']): Promise<void> {
    const run = this.#shown
    const recipe = run === undefined ? undefined : await this.#recipeOf(run)
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

  /** What the recipe requires that the loaded models do not support. */
  findMismatch(recipe: CheckedRecipe, cast: Cast): readonly Problem[] {
    return checkModels(recipe, modelOf(cast))
  }
  /** What a run of this recipe loads in place of other models, and when. */
  announce(recipe: CheckedRecipe, cast: Cast): readonly string[] {
    return announceTurns(recipe, cast)
  }
  /** Advice on this recipe with these models; none of it prevents a run. */
  advise(recipe: CheckedRecipe, cast: Cast, builtIn?: BuiltInTeacherCard): readonly string[] {
    return adviseOnTeacher(recipe, cast.teacher, builtIn, cast.judge)
  }

  closeBar(): void {
    this.#open = undefined
  }

  /** The prompts of an open bar, in its order. */
  async readPrompts(members: Extract<BarMembers, { of: 'prompt' }>): Promise<readonly Prompt[]> {
    const run = this.#shown
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

  async #run(start: (control: RunControl) => AsyncGenerator<RunProgress, Run>): Promise<Run | undefined> {
    if (this.task.running) return undefined
    const ended = await this.control.do(this.task, start, {
      // It should be listed before its first row is there.
      first: async () => (this.#list = await listRuns(this.#env.machines.db, this.#projectId)),
      last: () => this.refresh(),
    })
    this.#onEnd()
    return ended
  }

  async #count(list: readonly Run[]): Promise<ReadonlyMap<RunId, RunCounts>> {
    const { db } = this.#env.machines
    return new Map(
      await Promise.all(
        list.map(async ({ id }): Promise<[RunId, RunCounts]> => {
          const [rows, kept] = await Promise.all([
            countRows(db, this.#projectId, id),
            countRows(db, this.#projectId, id, 'kept'),
          ])
          const prompts = rows > 0 ? 0 : await countPrompts(db, this.#projectId, id)
          return [id, { rows, kept, prompts }]
        }),
      ),
    )
  }

  async #readFacts(run: Run | undefined): Promise<RunFacts | undefined> {
    const recipe = run === undefined ? undefined : await this.#recipeOf(run)
    if (run === undefined) this.#recipeProblem = undefined
    return run === undefined || recipe === undefined
      ? undefined
      : readRunFacts(this.#env.machines.db, run, recipe)
  }

  async #recipeOf(run: Run): Promise<CheckedRecipe | undefined> {
    const { checkRecipeText } = await loadRecipeText()
    const checked = checkRecipeText(run.recipeText)
    this.#recipeProblem = checked.ok
      ? undefined
      : `This version cannot read the recipe of this run, so its funnel cannot be shown and it cannot be resumed; its rows are on the Dataset screen. ${checked.problems[0]?.sentence ?? ''}`
    return checked.ok ? checked.value : undefined
  }
}
