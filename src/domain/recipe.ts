// Knows: a recipe: its steps and their settings. A draft and a checked recipe are two types; only a checked one runs.
// Must not know: which members each family has (pipeline/steps.ts) and YAML (pipeline/recipes).
import type { RecipeHash } from './id.ts'
import type { Settings, SettingValues, ValuesOf } from './settings.ts'

/** The kinds of step, in the order in which a recipe may have them. */
export const FAMILIES = ['grow', 'complete', 'filter', 'judge', 'keep', 'freeze', 'train'] as const
export type Family = (typeof FAMILIES)[number]

/** A step as a person wrote it: nothing checked yet. */
export interface StepDraft {
  readonly family: string
  readonly name: string
  readonly settings: Readonly<Record<string, unknown>>
}
export interface RecipeDraft {
  readonly name: string
  readonly rngSeed: number
  readonly steps: readonly StepDraft[]
}

/** A step whose family, name and settings are valid; defaults are filled in. */
export interface CheckedStep {
  readonly family: Family
  readonly name: string
  readonly settings: SettingValues
}

declare const checked: unique symbol
/** Made by `checkRecipe` alone. Immutable; its hash names its contents. */
export interface CheckedRecipe {
  readonly [checked]: true
  readonly hash: RecipeHash
  readonly name: string
  readonly rngSeed: number
  readonly steps: readonly CheckedStep[]
  /** The recipe as YAML with every default written out: this text is stored, shown and exported. */
  readonly text: string
}

/** What every step of a family declares; the recipe's schema, YAML, form and help are derived from it. */
export interface StepDeclaration<S extends Settings = Settings> {
  readonly family: Family
  /** As written in a recipe. */
  readonly name: string
  readonly title: string
  /** One sentence for people. */
  readonly help: string
  readonly settings: S
}

/** The settings of a checked step under their declaration's types. */
export function settingsOf<S extends Settings>(
  declaration: StepDeclaration<S>,
  step: CheckedStep,
): ValuesOf<S> {
  if (step.family !== declaration.family || step.name !== declaration.name)
    throw new TypeError(`step ${step.family}/${step.name} read as ${declaration.family}/${declaration.name}`)
  return step.settings as ValuesOf<S> // `checkRecipe` built these values from this very declaration
}
