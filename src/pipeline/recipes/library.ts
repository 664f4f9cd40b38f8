// Knows: the format of the list of recipes to start from (public/recipes/index.json): for each a file and a card.
// Must not know: YAML, where the list is fetched.
import * as v from 'valibot'
import { accept, refuse, type Checked } from '../../domain/problem.ts'

const text = (max: number) => v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(max))

const indexSchema = v.object({
  recipes: v.pipe(
    v.array(
      v.object({
        /** In the index's folder, without a path. */
        file: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,60}\.yaml$/)),
        title: text(80),
        /** What a person sees with it, in a sentence or two. */
        shows: text(400),
        paper: v.optional(
          v.object({
            citation: text(120),
            link: v.optional(v.pipe(v.string(), v.regex(/^https:\/\/[^\s"<>]{1,200}$/))),
          }),
        ),
        /** What the recipe itself does not say: which seeds, how good a teacher, what must exist before. */
        needs: text(400),
        /** On two cores, with the seeds and the teacher that `needs` names. */
        minutes: v.pipe(v.number(), v.minValue(0.5), v.maxValue(10_000)),
      }),
    ),
    v.maxLength(100),
  ),
})

/** The card of a recipe to start from. */
export type RecipeCard = v.InferOutput<typeof indexSchema>['recipes'][number]

/** The list of recipes, from `recipes/index.json`. */
export function parseRecipeIndex(value: unknown): Checked<readonly RecipeCard[]> {
  const read = v.safeParse(indexSchema, value)
  if (read.success) return accept(read.output.recipes)
  return refuse(
    ...read.issues.slice(0, 5).map((issue) => {
      const at = v.getDotPath(issue)
      return {
        sentence: `The list of recipes is invalid${at === null ? '' : ` at \`${at}\``}: ${issue.message}.`,
        ...(at === null ? {} : { field: at }),
      }
    }),
  )
}
