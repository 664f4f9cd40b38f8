// Knows: a project's recipe while it is edited, as text and as steps (two views of the same recipe); and its trial on five rows.
import type { TrialMeasures } from '../pipeline/estimate.ts'
import type { TriedRecipe, TriedRow, TryProgress } from '../actions/try-five.ts'
import { isSameCast, type Cast } from '../domain/cast.ts'
import type { ProjectId } from '../domain/id.ts'
import type { Checked, Problem } from '../domain/problem.ts'
import type { CheckedRecipe, RecipeDraft, StepDeclaration, StepDraft } from '../domain/recipe.ts'
import { FAMILIES } from '../domain/recipe.ts'
import type { Role } from '../domain/role.ts'
import type { SettingValue } from '../domain/settings.ts'
import { defaultRecipe, defaultStep } from '../pipeline/recipes/default-recipe.ts'
import { needsOfRole, rolesOf, type RoleNeed } from '../pipeline/recipes/roles-of.ts'
import { findStep, stepDeclarations } from '../pipeline/steps.ts'
import { RUBRIC_NAMES, rubricOf, type Rubric } from '../pipeline/templates/rubrics.ts'
import type { Environment } from './environment.ts'
import { tryFive, useRecipe } from './later.ts'
import { findRecipeText, type RecipeText } from './recipe-text.svelte.ts'
import { StepSwaps } from './step-swaps.ts'
import { Task } from './task.svelte.ts'
import { Undo } from './undo.svelte.ts'

/** A tried row, for the screen. */
export type Trial = TriedRow

const familyRank = (family: string): number => FAMILIES.findIndex((known) => known === family)

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
  #problems = $derived(this.#checked === undefined || this.#checked.ok ? [] : this.#checked.problems)
  readonly using = new Task()
  readonly trial = new Task<TryProgress>()
  readonly undo = new Undo()
  readonly #swaps = new StepSwaps()
  readonly #env: Environment
  readonly #projectId: ProjectId

  constructor(env: Environment, projectId: ProjectId, text: string | undefined) {
    this.#env = env
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
  /** Every available step, for the list of steps to add. */
  get offered(): readonly StepDeclaration[] {
    return stepDeclarations
  }

  declarationOf(step: Pick<StepDraft, 'family' | 'name'>): StepDeclaration | undefined {
    return findStep(step.family, step.name)
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

  /** Inserts a step in the position of its family, after others of the family. Returns its index. */
  add(declaration: StepDeclaration): number {
    const rank = familyRank(declaration.family)
    const steps = this.#draft.steps
    const before = steps.findIndex((step) => familyRank(step.family) > rank)
    const at = before < 0 ? steps.length : before
    this.#change({ ...this.#draft, steps: steps.toSpliced(at, 0, defaultStep(declaration)) })
    return at
  }

  remove(step: number): void {
    const before = this.#draft
    const title =
      before.steps[step] === undefined
        ? ''
        : (this.declarationOf(before.steps[step])?.title ?? before.steps[step].name)
    this.#change({ ...before, steps: before.steps.toSpliced(step, 1) })
    this.undo.put(`“${title}” was removed.`, async () => this.#change(before))
  }

  /** A step can be swapped with its neighbour if both are of one family: the order of families is fixed. */
  canMove(step: number, by: -1 | 1): boolean {
    const { steps } = this.#draft
    return steps[step] !== undefined && steps[step + by]?.family === steps[step].family
  }

  move(step: number, by: -1 | 1): void {
    if (!this.canMove(step, by)) return
    const { steps } = this.#draft
    const moved = steps[step]
    if (moved !== undefined)
      this.#change({ ...this.#draft, steps: steps.toSpliced(step, 1).toSpliced(step + by, 0, moved) })
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
