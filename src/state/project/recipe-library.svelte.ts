// Knows: the recipes to start from: their cards, their texts, and what they need of the models.
import { listRecipes } from '../../actions/recipe/list-recipes.ts'
import { modelOf, type Cast } from '../../domain/cast.ts'
import type { Problem } from '../../domain/problem.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import { checkModels } from '../../pipeline/recipes/check-models.ts'
import type { RecipeCard } from '../../pipeline/recipes/library.ts'
import { listNeeds, type OfferedNeed } from '../../pipeline/recipes/offer-steps.ts'
import { titleSteps } from '../../pipeline/recipes/step-titles.ts'
import type { Environment } from '../app/environment.ts'
import { loadRecipeText } from './recipe-text.svelte.ts'
import { Task } from '../parts/task.svelte.ts'

/** A recipe to start from. */
export interface LibraryRecipe {
  readonly card: RecipeCard
  /** With its comments. */
  readonly text: string
  /** Absent if this version cannot use it; then `problems` say why. */
  readonly recipe?: CheckedRecipe
  readonly problems: readonly Problem[]
}

export class RecipeLibrary {
  #list = $state.raw<readonly LibraryRecipe[]>([])
  readonly reading = new Task()
  readonly #env: Pick<Environment, 'fetch' | 'page'>

  constructor(env: Pick<Environment, 'fetch' | 'page'>) {
    this.#env = env
  }

  get list(): readonly LibraryRecipe[] {
    return this.#list
  }

  /** Fetches the recipes; those that were fetched before stay if that fails. */
  async refresh(): Promise<void> {
    const list = await this.reading.do(async () => {
      const { checkRecipeText } = await loadRecipeText()
      return (await listRecipes(this.#env)).map(({ card, text }): LibraryRecipe => {
        if (text === undefined) {
          const sentence = `The file recipes/${card.file} could not be fetched from this page’s host. Open the list again.`
          return { card, text: '', problems: [{ sentence }] }
        }
        const checked = checkRecipeText(text)
        return checked.ok
          ? { card, text, recipe: checked.value, problems: [] }
          : { card, text, problems: checked.problems }
      })
    })
    if (list !== undefined) this.#list = list
  }

  /** What a recipe's steps need of the models, each once. */
  needsOf(recipe: CheckedRecipe, cast: Cast | undefined): readonly OfferedNeed[] {
    return listNeeds(recipe.steps, cast && modelOf(cast))
  }

  /** What these models lack for it. */
  findMismatch(recipe: CheckedRecipe, cast: Cast | undefined): readonly Problem[] {
    return cast === undefined ? [] : checkModels(recipe, modelOf(cast))
  }

  /** The titles of a recipe's steps, in order. */
  titlesOf(recipe: CheckedRecipe): readonly string[] {
    return titleSteps(recipe.steps)
  }
}
