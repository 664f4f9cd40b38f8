// Knows: a recipe: its steps and their settings. A draft and a checked recipe are two types; only a checked one runs.
// Must not know: which members each family has (pipeline/steps.ts) and YAML (pipeline/recipes).
import type { RecipeHash } from './id.ts'
import type { Role } from './reply.ts'
import type { Settings, SettingValues, ValuesOf } from './settings.ts'
import type { Capabilities, TeacherDescription } from './teacher-description.ts'

/** The kinds of step. */
export const FAMILIES = [
  'grow',
  'complete',
  'filter',
  'judge',
  'compare',
  'tag',
  'keep',
  'freeze',
  'train',
] as const
export type Family = (typeof FAMILIES)[number]

/** Families of which a recipe has at most one step. */
export const SINGLE_FAMILIES: ReadonlySet<string> = new Set<Family>(['freeze', 'train'])

/** The parts of a recipe, in order. Within the part on completions the steps may have any order. */
export const PARTS = {
  grow: 'prompts',
  complete: 'completions',
  filter: 'completions',
  judge: 'completions',
  compare: 'completions',
  tag: 'completions',
  keep: 'selection',
  freeze: 'dataset',
  train: 'student',
} as const satisfies Record<Family, string>

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

/** A problem of a step; the sentence follows “Step 3: ” or “Step 3 (Length): ”. */
export interface StepProblem {
  readonly field?: string
  readonly sentence: string
}

/** What a step needs of the model of a role. */
export interface ModelNeed {
  readonly role: Role
  readonly ability: keyof {
    [A in keyof Capabilities as Capabilities[A] extends boolean ? A : never]: true
  }
  /** The problem with a model that lacks it: what happens, and what to do. */
  readonly without: (model: string) => string
}

/** What passes between steps. */
export type Flow = 'seeds' | 'prompts' | 'completions' | 'verdicts' | 'comparisons' | 'dataset' | 'student'

/** Where a member comes from. */
export interface StepSource {
  /** Such as “Wang et al. 2022”. */
  readonly citation: string
  /** Address of the paper or of its code, with https. */
  readonly link?: string
}

/** The models of a recipe's roles. */
export type ModelOf = (role: Role) => Pick<TeacherDescription, 'card' | 'capabilities' | 'contextLength'>

/** What every step of a family declares; the recipe's schema, checks, YAML, form and help are derived from it. */
export interface StepDeclaration<S extends Settings = Settings> {
  readonly family: Family
  /** As written in a recipe. */
  readonly name: string
  readonly title: string
  /** One sentence for people. */
  readonly help: string
  readonly settings: S
  readonly source?: StepSource
  /** What it takes and gives, where that differs from its family (step-flow.ts). */
  readonly takes?: readonly Flow[]
  readonly gives?: readonly Flow[]
  /** A family, or one member of it, that the recipe must have too, with the reason and the remedy. */
  readonly requires?: { readonly family: Family; readonly name?: string; readonly sentence: string }
  /** Contradictions between settings that are each valid. */
  check?(settings: ValuesOf<S>): readonly StepProblem[]
  /** The models that it needs with these settings. */
  needs?(settings: ValuesOf<S>): readonly ModelNeed[]
  /** What does not fit these models, besides a missing ability. */
  checkModels?(settings: ValuesOf<S>, modelOf: ModelOf): readonly StepProblem[]
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
