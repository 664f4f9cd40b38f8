// Knows: a project's recipe while it is edited, as text and as steps (two views of the same recipe); and its trial on five rows.
import type { TrialMeasures } from '../../pipeline/estimate.ts'
import type { TriedRecipe, TriedRow, TryProgress } from '../../actions/recipe/try-five.ts'
import { isSameCast, modelOf, type Cast } from '../../domain/cast.ts'
import type { ProjectId } from '../../domain/id.ts'
import type { Checked, Problem } from '../../domain/problem.ts'
import type { CheckedRecipe, RecipeDraft, StepDeclaration, StepDraft } from '../../domain/recipe.ts'
import type { Role } from '../../domain/role.ts'
import type { SettingValue } from '../../domain/settings.ts'
import { defaultRecipe, defaultStep } from '../../pipeline/recipes/default-recipe.ts'
import { offerSteps, type OfferedFamily } from '../../pipeline/recipes/offer-steps.ts'
import { findMoveProblems, findPlace, moveStep } from '../../pipeline/recipes/place-step.ts'
import { makeRecipeGraph, type RecipeGraph } from '../../pipeline/recipes/recipe-graph.ts'
import { needsOfRole, rolesOf, type RoleNeed } from '../../pipeline/recipes/roles-of.ts'
import { titleSteps } from '../../pipeline/recipes/step-titles.ts'
import { suggestText, type Suggestions } from '../../pipeline/recipes/suggest-text.ts'
import { findStep, stepDeclarations } from '../../pipeline/steps.ts'
import { RUBRIC_NAMES, rubricOf, type Rubric } from '../../pipeline/templates/rubrics.ts'
import type { Environment } from '../app/environment.ts'
import { tryFive, useRecipe } from '../app/later.ts'
import { RecipeLibrary } from './recipe-library.svelte.ts'
import { findRecipeText, type RecipeText } from './recipe-text.svelte.ts'
import { StepSwaps } from './step-swaps.ts'
import { Task } from '../parts/task.svelte.ts'
import { Undo } from '../parts/undo.svelte.ts'

export type { Suggestions } from '../../pipeline/recipes/suggest-text.ts'
export type { OfferedFamily, OfferedStep } from '../../pipeline/recipes/offer-steps.ts'

/** A tried row, for the screen. */
export type Trial = TriedRow

export class Recipe {
  /** As it is stored or was edited; absent: the default recipe's text. */
  #own = $state<string | undefined>()
  #text = $derived(this.#own ?? findRecipeText()?.writeRecipe(defaultRecipe()) ?? '')
  #used = $state('')
  #lastDraft = $state.raw<RecipeDraft>(defaultRecipe())
  #tried = $state.raw<TriedRecipe | undefined>()
  /** Of the last trial: the time of calls that are in the journal. */
  #measured: { readonly cast: Cast; readonly measures: TrialMeasures } | undefined
  /** Until its text can be read, a recipe counts as one without problems: most have none, and no screen shows it before. */
  #parsed: Checked<RecipeDraft> = $derived(
    findRecipeText()?.parseRecipe(this.#text) ?? { ok: true, value: this.#lastDraft },
  )
  #checked: Checked<CheckedRecipe> | undefined = $derived(
    this.#parsed.ok ? findRecipeText()?.checkRecipe(this.#parsed.value) : this.#parsed,
  )
  #roles = $derived(this.#checked?.ok ? rolesOf(this.#checked.value) : [])
  #draft = $derived(this.#parsed.ok ? this.#parsed.value : this.#lastDraft)
  #graph = $derived(makeRecipeGraph(this.#draft.steps))
  #titles = $derived(titleSteps(this.#draft.steps))
  #problems = $derived(this.#checked === undefined || this.#checked.ok ? [] : this.#checked.problems)
  readonly using = new Task()
  readonly trial = new Task<TryProgress>()
  readonly undo = new Undo()
  /** Recipes to start from. */
  readonly library: RecipeLibrary
  readonly #swaps = new StepSwaps()
  readonly #env: Environment
  readonly #projectId: ProjectId

  constructor(env: Environment, projectId: ProjectId, text: string | undefined) {
    this.#env = env
    this.library = new RecipeLibrary(env)
    this.#projectId = projectId
    this.#used = text ?? ''
    this.#own = text
  }

  get text(): string {
    return this.#text
  }
  /** The steps of the text, or of the last text that could be parsed if the current one cannot. */
  get draft(): RecipeDraft {
    return this.#draft
  }
  /** The current text cannot be parsed into steps. */
  get unreadable(): boolean {
    return !this.#parsed.ok
  }
  get problems(): readonly Problem[] {
    return this.#problems
  }
  /** The recipe, if it has no problems. */
  get checked(): CheckedRecipe | undefined {
    return this.#checked?.ok ? this.#checked.value : undefined
  }
  /** The text differs from the one in use. */
  get changed(): boolean {
    return this.#own !== this.#used
  }
  /** The roles that its steps need; none while it has problems. */
  get roles(): readonly Role[] {
    return this.#roles
  }
  /** What its steps need of the model of a role. */
  needsOf(role: Role): readonly RoleNeed[] {
    return this.checked === undefined ? [] : needsOfRole(this.checked, role)
  }
  get tried(): TriedRecipe | undefined {
    return this.#tried
  }
  /** Every available step. */
  get offered(): readonly StepDeclaration[] {
    return stepDeclarations
  }

  /** The way of the rows through the steps. */
  get graph(): RecipeGraph {
    return this.#graph
  }

  /** What can be written at an offset of the text. */
  suggest(offset: number): Suggestions | undefined {
    return suggestText(this.#text, offset)
  }

  /** The steps that match a search, by family, with where each would be inserted and whether the models meet its needs. */
  offer(query: string, cast: Cast | undefined): readonly OfferedFamily[] {
    return offerSteps(stepDeclarations, this.#draft.steps, query, cast && modelOf(cast))
  }

  declarationOf(step: Pick<StepDraft, 'family' | 'name'>): StepDeclaration | undefined {
    return findStep(step.family, step.name)
  }

  /** The titles of the draft's steps: no two are equal. */
  get titles(): readonly string[] {
    return this.#titles
  }

  /** The title of a step by its name alone, as decisions have it; the name itself if no step is called so. */
  titleOf(name: string): string {
    return stepDeclarations.find((known) => known.name === name)?.title ?? name
  }

  /** The text of a judge step's built-in rubric, with its examples; undefined for other steps and own rubrics. */
  rubricOf({ family, settings }: StepDraft): Rubric | undefined {
    const name = RUBRIC_NAMES.find((known) => known === (settings['rubric'] ?? RUBRIC_NAMES[0]))
    return family === 'judge' && name !== undefined ? rubricOf(name, '') : undefined
  }

  /**
   * Sets a field in the step that corresponds to one of another recipe: the same family, name and place among its like. Returns how
   * to undo it; undefined if there is no such step.
   */
  setLike(
    other: readonly Pick<StepDraft, 'family' | 'name'>[],
    step: number,
    field: string,
    value: SettingValue,
  ): (() => Promise<void>) | undefined {
    const at = this.#findLike(other, step)
    if (at === undefined) return undefined
    const before = this.#text
    this.set(at, field, value)
    return async () => this.write(before)
  }

  /** The value of a field of the corresponding step. */
  readLike(other: readonly Pick<StepDraft, 'family' | 'name'>[], step: number, field: string): unknown {
    const found = this.#draft.steps[this.#findLike(other, step) ?? -1]
    return found && (found.settings[field] ?? this.declarationOf(found)?.settings[field]?.default)
  }

  #findLike(other: readonly Pick<StepDraft, 'family' | 'name'>[], step: number): number | undefined {
    const wanted = other[step]
    if (wanted === undefined) return undefined
    const isLike = ({ family, name }: Pick<StepDraft, 'family' | 'name'>): boolean =>
      family === wanted.family && name === wanted.name
    const place = other.slice(0, step).filter(isLike).length
    return this.#draft.steps.flatMap((found, at) => (isLike(found) ? [at] : []))[place]
  }

  /** Problems that belong to no step. */
  get generalProblems(): readonly Problem[] {
    return this.#problems.filter(({ step }) => step === undefined).map((problem) => this.#withLine(problem))
  }
  problemsOf(step: number): readonly Problem[] {
    return this.#problems.filter((problem) => problem.step === step)
  }
  /** All problems with their lines in the text. */
  get problemsByLine(): readonly Problem[] {
    return this.#problems.map((problem) => this.#withLine(problem))
  }

  write(text: string): void {
    this.undo.dismiss() // it would also undo this
    if (this.#parsed.ok) this.#lastDraft = this.#parsed.value
    this.#own = text
    if (this.#parsed.ok) this.#lastDraft = this.#parsed.value
  }

  rename(name: string): void {
    this.#change({ ...this.#draft, name })
  }

  setSeed(rngSeed: number): void {
    this.#change({ ...this.#draft, rngSeed })
  }

  set(step: number, field: string, value: SettingValue): void {
    this.#changeStep(step, (old) => ({ ...old, settings: { ...old.settings, [field]: value } }))
  }

  /** Replaces a step with another of its family. */
  swap(step: number, declaration: StepDeclaration): void {
    this.#changeStep(step, (before) => this.#swaps.swap(before, declaration))
  }

  /** Replaces the step of this step's family, or adds it if there is none. For families of which a recipe has one step. */
  putStep(step: StepDraft): void {
    const { steps } = this.#draft
    const at = steps.findIndex(({ family }) => family === step.family)
    const declaration = this.declarationOf(step)
    if (at >= 0) this.#change({ ...this.#draft, steps: steps.with(at, step) })
    else if (declaration !== undefined) {
      const added = this.add(declaration)
      this.#changeStep(added, () => step)
    }
  }

  /** Inserts a step where the recipe's order has a place for it, and offers to undo it. Returns its index. */
  add(declaration: StepDeclaration): number {
    const before = this.#draft
    const step = defaultStep(declaration)
    const { at } = findPlace(before.steps, step)
    this.#change({ ...before, steps: before.steps.toSpliced(at, 0, step) })
    this.#offerBack(`“${declaration.title}” is step ${at + 1} now.`, before)
    return at
  }

  /** Replaces a step with another of its family and offers to undo it. */
  replace(step: number, declaration: StepDeclaration): void {
    const before = this.#draft
    const title = this.#titleAt(step)
    this.swap(step, declaration)
    this.#offerBack(`“${declaration.title}” is in the place of “${title}” now.`, before)
  }

  remove(step: number): void {
    const before = this.#draft
    const title = this.#titleAt(step)
    this.#change({ ...before, steps: before.steps.toSpliced(step, 1) })
    this.#offerBack(`“${title}” was removed.`, before)
  }

  /** Why a step must not move to another position: the problems that the recipe would have in addition. */
  findMoveProblems(from: number, to: number): readonly Problem[] {
    return findMoveProblems(this.#draft.steps, from, to)
  }

  /** Moves a step unless that order has more problems, which are returned. */
  move(from: number, to: number): readonly Problem[] {
    const problems = this.findMoveProblems(from, to)
    if (problems.length > 0 || from === to) return problems
    this.#change({ ...this.#draft, steps: moveStep(this.#draft.steps, from, to) })
    return []
  }

  /** Replaces the whole recipe with another one's text, and offers to restore this one. */
  startFrom(title: string, text: string): void {
    const before = this.#text
    this.write(text)
    this.undo.put(`The recipe is “${title}” now.`, async () => this.write(before))
  }

  #titleAt(at: number): string {
    return this.titles[at] ?? ''
  }

  #offerBack(sentence: string, before: RecipeDraft): void {
    this.undo.put(sentence, async () => this.#change(before))
  }

  /** Stores the text as the project's recipe, even with problems; returns the recipe if there are none. */
  async use(): Promise<CheckedRecipe | undefined> {
    const text = (this.#own ??= this.#text)
    const used = await this.using.do(() =>
      useRecipe(this.#env.machines, { projectId: this.#projectId, text }),
    )
    if (used === undefined) return undefined
    this.#used = text
    return used.ok ? used.value : undefined
  }

  async try(cast: Cast): Promise<void> {
    const recipe = this.checked
    if (recipe === undefined) return
    this.#tried = undefined
    const last = this.#measured
    const isSame = last !== undefined && isSameCast(last.cast, cast)
    const measured = isSame ? last.measures : undefined
    this.#tried = await this.trial.follow((signal) =>
      tryFive(
        this.#env.machines,
        {
          projectId: this.#projectId,
          recipe,
          ...cast,
          ...(measured === undefined ? {} : { earlier: measured }),
        },
        signal,
      ),
    )
    if (this.#tried) this.#measured = { cast, measures: this.#tried.measures }
  }

  #changeStep(step: number, change: (old: StepDraft) => StepDraft): void {
    this.#change({
      ...this.#draft,
      steps: this.#draft.steps.map((old, index) => (index === step ? change(old) : old)),
    })
  }

  #change(draft: RecipeDraft): void {
    this.undo.dismiss()
    this.#lastDraft = draft
    this.#own = this.#code.writeRecipe(draft)
  }

  /** Whoever edits a recipe sees it, on a screen that waited for this. */
  get #code(): RecipeText {
    const code = findRecipeText()
    if (code === undefined) throw new TypeError('A recipe was edited before its text could be read.')
    return code
  }

  #withLine(problem: Problem): Problem {
    const line = findRecipeText()?.lineOfProblem(this.#text, problem)
    return line === undefined ? problem : { ...problem, line }
  }
}
