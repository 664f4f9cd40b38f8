// Knows: which classes a dataset has: the different completions of its training rows; and when there are none to learn.
// Must not know: where rows are stored, what learns them.
import { accept, refuse, type Checked } from '../../domain/problem.ts'

/** Classes that one student can tell apart. */
export const MOST_CLASSES = 64
/** Characters of a class's name: a longer completion is a text, not a label. */
export const LONGEST_CLASS = 60
/** Rows that each class needs: one alone could only be learned by heart. */
const LEAST_ROWS = 2

export interface ClassOfRows {
  readonly name: string
  /** Training rows that have it. */
  readonly rows: number
}

/** The class that a completion names. */
export const classOf = (completion: string): string => completion.trim()

const FOR_TEXTS = 'To learn whole texts, choose “Train a student on the texts”.'
const quote = (name: string): string => `“${name.length > 40 ? `${name.slice(0, 40)}…` : name}”`
const list = (names: readonly string[]): string =>
  names.length > 3
    ? `${names.slice(0, 3).map(quote).join(', ')} and ${names.length - 3} more`
    : names.map(quote).join(' and ')

/** The classes of training rows by name, whatever the rows' order; or the sentence that says which rows or labels are the trouble. */
export function findClasses(
  rows: readonly { readonly completion: string }[],
): Checked<readonly ClassOfRows[]> {
  const counts = new Map<string, number>()
  for (const { completion } of rows)
    counts.set(classOf(completion), (counts.get(classOf(completion)) ?? 0) + 1)
  const found = [...counts]
    .map(([name, count]): ClassOfRows => ({ name, rows: count }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const empty = counts.get('')
  if (empty !== undefined)
    return refuse({
      sentence: `${empty} of ${rows.length} training rows ${empty === 1 ? 'has' : 'have'} an empty completion, which names no class. Reject these rows and freeze again.`,
    })
  const long = found.filter(({ name }) => name.length > LONGEST_CLASS)
  if (long.length > 0)
    return refuse({
      sentence: `A class has ${LONGEST_CLASS} characters at most, and ${long.length} of the ${found.length} different completions ${long.length === 1 ? 'is' : 'are'} longer, such as ${quote(long[0]?.name ?? '')}. Reject or shorten these rows and freeze again. ${FOR_TEXTS}`,
    })
  if (found.length > MOST_CLASSES)
    return refuse({
      sentence: `The training rows have ${found.length} different completions, such as ${list(found.map(({ name }) => name).slice(0, 3))}, and a classifier tells at most ${MOST_CLASSES} apart. Freeze rows that are answered with one of a few labels. ${FOR_TEXTS}`,
    })
  const [first] = found
  if (found.length < 2)
    return refuse({
      sentence: `${first === undefined ? 'There is no training row' : `All ${rows.length} training rows are answered with ${quote(first.name)}`}, so there is nothing to tell apart. Keep rows with at least two different completions and freeze again.`,
    })
  const single = found.filter(({ rows: count }) => count < LEAST_ROWS).map(({ name }) => name)
  if (single.length > 0)
    return refuse({
      sentence: `${list(single)} ${single.length === 1 ? 'is the completion of only one training row' : 'are each the completion of only one training row'}, and a class needs at least ${LEAST_ROWS}. Keep more rows of ${single.length === 1 ? 'it' : 'each'}, or reject or correct ${single.length === 1 ? 'that row' : 'those rows'}, and freeze again.`,
    })
  return accept(found)
}

/** “2 classes: negative (12 rows), positive (9 rows)”, the first of many. */
export function tellClasses(classes: readonly ClassOfRows[]): string {
  const shown = classes.slice(0, 8).map(({ name, rows }) => `${name} (${rows} rows)`)
  return `${classes.length} classes: ${shown.join(', ')}${classes.length > shown.length ? ` and ${classes.length - shown.length} more` : ''}`
}
