// Knows: the format of the example projects that come with the page (public/examples), and what makes one valid.
import * as v from 'valibot'
import { accept, refuse, type Checked } from '../domain/problem.ts'
import { parseProjectName } from '../domain/project.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import { describeIssue } from './example-index.ts'
import { checkRecipe } from './recipes/check-recipe.ts'
import { readRecipe } from './recipes/parse-recipe.ts'

const seedSchema = v.object({
  text: v.pipe(v.string(), v.minLength(1), v.maxLength(8000)),
  answer: v.optional(v.string()),
})

const exampleSchema = v.object({
  name: v.string(),
  description: v.pipe(v.string(), v.minLength(1), v.maxLength(300)),
  seeds: v.pipe(v.array(seedSchema), v.minLength(1), v.maxLength(1000)),
  /** File of the teacher it was made for. */
  teacher: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,60}\.gguf$/))),
  recipe: v.unknown(),
})

export interface Example {
  readonly name: string
  readonly description: string
  readonly seeds: readonly { readonly text: string; readonly answer?: string }[]
  readonly recipe: CheckedRecipe
  /** File of the teacher it was made for. */
  readonly teacher?: string
}

/** An example with its checked recipe. */
export function parseExample(value: unknown): Checked<Example> {
  const read = v.safeParse(exampleSchema, value)
  if (!read.success) return refuse(...read.issues.slice(0, 5).map(describeIssue))
  const { name, description, seeds, recipe, teacher } = read.output
  const title = parseProjectName(name)
  if (!title.ok) return title
  const draft = readRecipe(recipe)
  const checked = draft.ok ? checkRecipe(draft.value) : draft
  if (!checked.ok) return checked
  const texts = seeds.map(({ text, answer }) => ({ text, ...(answer === undefined ? {} : { answer }) }))
  return accept({
    name: title.value,
    description,
    recipe: checked.value,
    seeds: texts,
    ...(teacher === undefined ? {} : { teacher }),
  })
}
