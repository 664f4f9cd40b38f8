// Knows: which recipes to start from ship with the page, and their texts.
import { parseRecipeIndex, type RecipeCard } from '../../pipeline/recipes/library.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { PageFiles } from '../models/list-models.ts'

export interface ListedRecipe {
  readonly card: RecipeCard
  /** Its YAML; undefined if this file could not be fetched. */
  readonly text: string | undefined
}

/** The recipes of the page's index, each with its text. Throws `DownloadFailed` if the index cannot be fetched or read. */
export async function listRecipes(files: PageFiles): Promise<readonly ListedRecipe[]> {
  const text = await fetchText(files, 'index.json')
  const index = text === undefined ? undefined : parseRecipeIndex(parseJson(text))
  if (index === undefined)
    throw new RetortError(
      'DownloadFailed',
      'The list of recipes could not be fetched from this page’s host. Check the connection and open the list again.',
    )
  if (!index.ok)
    throw new RetortError(
      'DownloadFailed',
      `${index.problems[0]?.sentence ?? ''} Reload the page and try again.`,
    )
  return Promise.all(index.value.map(async (card) => ({ card, text: await fetchText(files, card.file) })))
}

/** A file of `recipes/`; undefined if it cannot be fetched. */
async function fetchText({ fetch, page }: PageFiles, file: string): Promise<string | undefined> {
  const response = await fetch(new URL(`recipes/${file}`, page).href).catch(() => undefined)
  return response?.ok ? response.text().catch(() => undefined) : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
