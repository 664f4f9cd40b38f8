// Knows: a recipe's YAML as a person would write it: one step a list item, its kind and name first, then its settings.
import { Document, isMap, isScalar, visit } from 'yaml'
import type { RecipeDraft } from '../../domain/recipe.ts'
import { RECIPE_VERSION } from './parse-recipe.ts'

/** YAML that `parseRecipe` reads back as the same draft. Settings are written as given: a checked recipe's are complete, a draft's may not be. */
export function writeRecipe({
  name,
  rngSeed,
  steps,
}: Pick<RecipeDraft, 'name' | 'rngSeed' | 'steps'>): string {
  const document = new Document(
    {
      retort: RECIPE_VERSION,
      name,
      rngSeed,
      steps: steps.map(
        (step) => new Map<string, unknown>([[step.family, step.name], ...Object.entries(step.settings)]),
      ),
    },
    { aliasDuplicateObjects: false },
  )
  // Long text keeps its own line breaks; YAML's folding would make it hard to edit.
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && /[^\n]\n[^\n]/.test(node.value) && isPlainText(node.value))
        node.type = 'BLOCK_LITERAL'
    },
    Seq(key, node) {
      // A blank line between steps.
      if (key === 'value')
        node.items.forEach(
          (item, i) => isMap(item) && i > 0 && isScalar(item.items[0]?.key) && (item.spaceBefore = true),
        )
    },
  })
  return document.toString({ lineWidth: 0 })
}

/** Printable text without spaces at line ends: what a block literal preserves. */
const isPlainText = (text: string): boolean =>
  !/[\p{Cc}\p{Cs}\u0085\u2028\u2029\ufeff]/u.test(text.replaceAll('\n', '')) && !/[ \t](\n|$)|^\s/.test(text)
