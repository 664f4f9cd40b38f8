// Knows: what a step keeps when it is replaced with another of its family.
import type { StepDeclaration, StepDraft } from '../../domain/recipe.ts'
import { defaultStep } from '../../pipeline/recipes/default-recipe.ts'
import { findStep } from '../../pipeline/steps.ts'

/**
 * Replaces steps with others of their family. Fields with the same default in both keep their value; the rest come from the last use of
 * that step, else from its defaults.
 */
export class StepSwaps {
  /** Settings of steps that were swapped for others, by family and name. */
  readonly #setAside = new Map<string, StepDraft['settings']>()

  swap(before: StepDraft, declaration: StepDeclaration): StepDraft {
    const fresh = defaultStep(declaration)
    const earlier = findStep(before.family, before.name)?.settings ?? {}
    // A learning rate that suits one loss breaks another: if the defaults of the two steps differ, the field is not carried over.
    const carried = Object.entries(before.settings).filter(
      ([field]) =>
        declaration.settings[field] !== undefined &&
        declaration.settings[field].default === earlier[field]?.default,
    )
    const own = this.#setAside.get(`${before.family}/${declaration.name}`)
    this.#setAside.set(`${before.family}/${before.name}`, before.settings)
    return { ...fresh, settings: { ...fresh.settings, ...own, ...Object.fromEntries(carried) } }
  }
}
