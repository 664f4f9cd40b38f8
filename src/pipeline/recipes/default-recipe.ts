// Knows: the recipe of a new project.
import type { RecipeDraft, StepDeclaration, StepDraft } from '../../domain/recipe.ts'
import { findStep } from '../steps.ts'

/** A step with every setting at its default. */
export function defaultStep({
  family,
  name,
  settings,
}: Pick<StepDeclaration, 'family' | 'name' | 'settings'>): StepDraft {
  return {
    family,
    name,
    settings: Object.fromEntries(
      Object.entries(settings).map(([field, setting]) => [field, setting.default]),
    ),
  }
}

const STEPS = [
  'grow/self-instruct',
  'complete/teacher',
  'filter/length',
  'filter/ending',
  'filter/repetition',
  'filter/novelty',
  'judge/rubric',
  'keep/threshold',
  'freeze/split',
  'train/teacher-text',
]

/** One step of each kind at its defaults: small enough for a laptop without a GPU. */
export function defaultRecipe(): RecipeDraft {
  const steps = STEPS.flatMap((path) => {
    const [family = '', name = ''] = path.split('/')
    const declaration = findStep(family, name)
    return declaration ? [defaultStep(declaration)] : []
  })
  return { name: 'First recipe', rngSeed: 1, steps }
}
