// Knows: the form of the student that is about to be trained. It begins as the recipe's train step and never changes the recipe by itself.
import type { Problem } from '../../domain/problem.ts'
import type { StepDeclaration, StepDraft } from '../../domain/recipe.ts'
import type { SettingValue } from '../../domain/settings.ts'
import type { TrainSettings } from '../../domain/student.ts'
import { checkTrainStep } from '../../pipeline/recipes/check-train-step.ts'
import { defaultStep } from '../../pipeline/recipes/default-recipe.ts'
import { findStep, listSteps } from '../../pipeline/steps.ts'
import { planOf, trainMembers } from '../../pipeline/training/index.ts'
import type { AdviceChange } from './advice.ts'
import type { Recipe } from './recipe.svelte.ts'
import type { WantedSoftTargets } from './soft-targets.svelte.ts'
import { StepSwaps } from './step-swaps.ts'

export class TrainingForm {
  readonly #recipe: Recipe
  readonly #swaps = new StepSwaps()
  /** What was changed here; absent: the form follows the recipe. */
  #own = $state.raw<StepDraft | undefined>()
  #recipeStep = $derived.by(() => this.#recipe.draft.steps.find(({ family }) => family === 'train'))
  #step = $derived(this.#own ?? this.#recipeStep ?? defaultStep(trainMembers[0] as StepDeclaration))
  #checked = $derived.by(() => checkTrainStep(this.#step, this.#recipe.draft.rngSeed))
  #differs = $derived.by(() => {
    if (this.#recipeStep === undefined) return true
    const there = checkTrainStep(this.#recipeStep, this.#recipe.draft.rngSeed)
    return (
      !there.ok || !this.#checked.ok || JSON.stringify(there.value) !== JSON.stringify(this.#checked.value)
    )
  })

  constructor(recipe: Recipe) {
    this.#recipe = recipe
  }

  get step(): StepDraft {
    return this.#step
  }
  /** Undefined for a name that no train step has, which only a recipe written as text can contain. */
  get declaration(): StepDeclaration | undefined {
    return findStep('train', this.#step.name)
  }
  get members(): readonly StepDeclaration[] {
    return listSteps('train')
  }
  /** The settings, if they have no problem. */
  get settings(): TrainSettings | undefined {
    return this.#checked.ok ? this.#checked.value : undefined
  }
  /** The soft targets that it learns from, if they can be those of several teachers. A setting that has a problem counts as its default. */
  get wantedSoftTargets(): WantedSoftTargets | undefined {
    const wrong = this.problems.map(({ field }) => field)
    const valid = Object.entries(this.#step.settings).filter(([field]) => !wrong.includes(field))
    const checked = checkTrainStep(
      { ...this.#step, settings: Object.fromEntries(valid) },
      this.#recipe.draft.rngSeed,
    )
    if (!checked.ok) return undefined
    const { teacher } = planOf(checked.value)
    return teacher?.kind === 'before' ? { ...teacher, preset: checked.value.preset } : undefined
  }
  get problems(): readonly Problem[] {
    return this.#checked.ok ? [] : this.#checked.problems
  }
  /** The recipe's train step is another one, or there is none. */
  get differsFromRecipe(): boolean {
    return this.#differs
  }

  read(field: string): unknown {
    return this.#step.settings[field] ?? this.declaration?.settings[field]?.default
  }
  set(field: string, value: SettingValue): void {
    this.#own = { ...this.#step, settings: { ...this.#step.settings, [field]: value } }
  }
  choose(name: string): void {
    const member = this.members.find((one) => one.name === name)
    if (member !== undefined && name !== this.#step.name) this.#own = this.#swaps.swap(this.#step, member)
  }
  /** Applies an advice's remedy if it concerns this form. */
  apply(change: AdviceChange): void {
    if (change.kind === 'set-training') this.set(change.field, change.value)
    if (change.kind === 'choose-objective') this.choose(change.name)
  }
  /** Makes this the recipe's train step, and stores the recipe if it had no other changes. */
  async useInRecipe(): Promise<void> {
    const stores = !this.#recipe.changed
    this.#recipe.putStep(this.#step)
    this.#own = undefined
    if (stores) await this.#recipe.use()
  }
  /** Follows the recipe again. */
  reset(): void {
    this.#own = undefined
  }
}
