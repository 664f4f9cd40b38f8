// Knows: every step that can be added to a recipe, as a gallery shows it: by family, with what it needs and whether the models meet that.
// Must not know: which members there are (steps.ts), YAML, forms.
import {
  FAMILIES,
  type CheckedStep,
  type Family,
  type ModelNeed,
  type ModelOf,
  type StepDeclaration,
  type StepDraft,
} from '../../domain/recipe.ts'
import { FAMILY_TEXTS, flowOf, type FamilyTexts, type StepFlow } from '../../domain/step-flow.ts'
import { findStep } from '../steps.ts'
import { defaultStep } from './default-recipe.ts'
import { findPlace, findSwapProblems, type Place } from './place-step.ts'

/** A step's need of a model; `isMet` is absent without a model to check. */
export interface OfferedNeed extends Pick<ModelNeed, 'role' | 'ability'> {
  readonly isMet?: boolean
  /** Why the model does not meet it. */
  readonly sentence?: string
}

export interface OfferedStep extends StepFlow {
  readonly declaration: StepDeclaration
  /** With its default settings. */
  readonly needs: readonly OfferedNeed[]
  /** What else does not fit the models, with its default settings. */
  readonly misfits: readonly string[]
  /** Where it would be inserted. */
  readonly place: Place
  /** Index of the step that it can replace, where it cannot be added without problems. */
  readonly replaces?: number
  /** Steps of the recipe that are this member. */
  readonly count: number
}

export interface OfferedFamily extends FamilyTexts {
  readonly family: Family
  readonly steps: readonly OfferedStep[]
}

/** The families that have a member that matches every word of `query`, in the order of a recipe; matching reads all texts and ignores case. */
export function offerSteps(
  declarations: readonly StepDeclaration[],
  steps: readonly StepDraft[],
  query = '',
  modelOf?: ModelOf,
): OfferedFamily[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  return FAMILIES.map((family) => ({
    family,
    ...FAMILY_TEXTS[family],
    steps: declarations
      .filter((declaration) => declaration.family === family && matches(declaration, words))
      .map((declaration) => offerStep(declaration, steps, modelOf)),
  })).filter((group) => group.steps.length > 0)
}

function matches(declaration: StepDeclaration, words: readonly string[]): boolean {
  const { family, name, title, help, source, settings } = declaration
  const { takes, gives } = flowOf(declaration)
  const labels = Object.values(settings).map(({ label }) => label)
  const text = [
    family,
    FAMILY_TEXTS[family].title,
    name,
    title,
    help,
    source?.citation ?? '',
    ...takes,
    ...gives,
    ...labels,
  ]
    .join('\n')
    .toLowerCase()
  return words.every((word) => text.includes(word))
}

function offerStep(
  declaration: StepDeclaration,
  steps: readonly StepDraft[],
  modelOf?: ModelOf,
): OfferedStep {
  const step = defaultStep(declaration)
  const defaults = Object.fromEntries(
    Object.entries(declaration.settings).map(([field, { default: value }]) => [field, value]),
  )
  const place = findPlace(steps, step)
  const replaces = place.problems.length === 0 ? -1 : findReplaced(steps, step)
  return {
    declaration,
    ...flowOf(declaration),
    needs: (declaration.needs?.(defaults) ?? []).map((need) => checkNeed(need, modelOf)),
    misfits:
      modelOf === undefined
        ? []
        : (declaration.checkModels?.(defaults, modelOf) ?? []).map(({ sentence }) => sentence),
    place,
    ...(replaces < 0 ? {} : { replaces }),
    count: steps.filter(({ family, name }) => family === step.family && name === step.name).length,
  }
}

function checkNeed({ role, ability, without }: ModelNeed, modelOf?: ModelOf): OfferedNeed {
  if (modelOf === undefined) return { role, ability }
  const { card, capabilities } = modelOf(role)
  const isMet = Boolean(capabilities[ability])
  return { role, ability, isMet, ...(isMet ? {} : { sentence: without(card.name) }) }
}

/** What the steps of a checked recipe need of the models, each role and ability once. */
export function listNeeds(steps: readonly CheckedStep[], modelOf?: ModelOf): OfferedNeed[] {
  const needs = new Map<string, OfferedNeed>()
  for (const { family, name, settings } of steps)
    for (const need of findStep(family, name)?.needs?.(settings) ?? []) {
      const key = `${need.role}/${need.ability}`
      if (!needs.has(key)) needs.set(key, checkNeed(need, modelOf))
    }
  return [...needs.values()]
}

/** The last step of the same family, but of another name, whose place it can take without new problems; -1 if there is none. */
const findReplaced = (steps: readonly StepDraft[], step: StepDraft): number =>
  steps.findLastIndex(
    ({ family, name }, at) =>
      family === step.family && name !== step.name && findSwapProblems(steps, at, step).length === 0,
  )
