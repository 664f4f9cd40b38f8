// Knows: the format of the list of example projects (public/examples/index.json). Apart from the examples themselves, because the first
// screen shows the list and does not need what reads a recipe.
import * as v from 'valibot'
import { accept, refuse, type Checked, type Problem } from '../domain/problem.ts'

const indexSchema = v.object({
  examples: v.pipe(
    v.array(
      v.object({
        /** File in the index's folder, without a path. */
        file: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,60}\.json$/)),
        name: v.pipe(v.string(), v.minLength(1), v.maxLength(80)),
        description: v.pipe(v.string(), v.minLength(1), v.maxLength(300)),
        seeds: v.pipe(v.number(), v.integer(), v.minValue(1)),
      }),
    ),
    v.maxLength(50),
  ),
})

/** An entry of `examples/index.json`. */
export type ExampleIndexEntry = v.InferOutput<typeof indexSchema>['examples'][number]

/** The list of examples, from `examples/index.json`. */
export function parseExampleIndex(value: unknown): Checked<readonly ExampleIndexEntry[]> {
  const read = v.safeParse(indexSchema, value)
  return read.success ? accept(read.output.examples) : refuse(...read.issues.slice(0, 5).map(describeIssue))
}

/** What is wrong with an example or the list, as a problem. */
export const describeIssue = (issue: v.BaseIssue<unknown>): Problem => {
  const at = v.getDotPath(issue)
  return {
    sentence: `This example is invalid${at === null ? '' : `: \`${at}\``}: ${issue.message}.`,
    ...(at === null ? {} : { field: at }),
  }
}
