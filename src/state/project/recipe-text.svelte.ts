// Knows: whether what reads and writes a recipe's text is loaded. A project's first screen does not need it: YAML is a third of a project's code.
// Must not know: any recipe.
import type * as recipeText from '../../pipeline/recipes/recipe-text.ts'

export type RecipeText = typeof recipeText

let loaded = $state.raw<RecipeText | undefined>()

/** Undefined until `loadRecipeText` is done; in an effect or a derived value it is followed. */
export const findRecipeText = (): RecipeText | undefined => loaded

/** Loads it once; rejects if its file cannot be fetched. All screens but Seeds and Teacher wait for it. */
export const loadRecipeText = async (): Promise<RecipeText> =>
  (loaded ??= await import('../../pipeline/recipes/recipe-text.ts'))
