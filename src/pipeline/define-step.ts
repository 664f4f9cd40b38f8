// Knows: how to declare a member of a family so that its settings keep their exact types.
import type { StepDeclaration } from '../domain/recipe.ts'
import type { Settings } from '../domain/settings.ts'

/** A step's declaration, its settings' types inferred. */
export const defineStep = <const S extends Settings>(declaration: StepDeclaration<S>): StepDeclaration<S> =>
  declaration
