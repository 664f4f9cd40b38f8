// Knows: the classes of a dataset: the distinct completions of its training rows; and when they cannot be learned.
// Must not know: where rows are stored, what learns them.
import { accept, refuse, type Checked } from '../../domain/problem.ts'

/** Max classes of one student. */
export const MAX_CLASSES = 64
/** Max characters of a class's name: a longer completion is a text, not a label. */
export const MAX_CLASS_LENGTH = 60
/** Min rows of each class: a single one could only be memorised. */
const MIN_ROWS = 2

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

/** The classes of training rows by name, whatever the rows' order; or a sentence that names the rows or labels that are the problem. */
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
  const long = found.filter(({ name }) => name.length > MAX_CLASS_LENGTH)
  if (long.length > 0)
    return refuse({
      sentence: `A class has up to ${MAX_CLASS_LENGTH} characters, and ${long.length} of the ${found.length} distinct completions ${long.length === 1 ? 'is' : 'are'} longer, such as ${quote(long[0]?.name ?? '')}. Reject or shorten these rows and freeze again. ${FOR_TEXTS}`,
    })
  if (found.length > MAX_CLASSES)
    return refuse({
      sentence: `The training rows have ${found.length} distinct completions, such as ${list(found.map(({ name }) => name).slice(0, 3))}, and a classifier has up to ${MAX_CLASSES} classes. Freeze rows whose completions are one of a few labels. ${FOR_TEXTS}`,
    })
  const [first] = found
  if (found.length < 2)
    return refuse({
      sentence: `${first === undefined ? 'There is no training row' : `All ${rows.length} training rows have the completion ${quote(first.name)}`}, so there is nothing to classify. Keep rows with two or more distinct completions and freeze again.`,
    })
  const single = found.filter(({ rows: count }) => count < MIN_ROWS).map(({ name }) => name)
  if (single.length > 0)
    return refuse({
      sentence: `${list(single)} ${single.length === 1 ? 'is the completion of only one training row' : 'are each the completion of only one training row'}, and a class needs ${MIN_ROWS} or more. Keep more rows of ${single.length === 1 ? 'it' : 'each'}, or reject or correct ${single.length === 1 ? 'that row' : 'those rows'}, and freeze again.`,
    })
  return accept(found)
}

/** “2 classes: negative (12 rows), positive (9 rows)”; only the first of many. */
export function describeClasses(classes: readonly ClassOfRows[]): string {
  const shown = classes.slice(0, 8).map(({ name, rows }) => `${name} (${rows} rows)`)
  return `${classes.length} classes: ${shown.join(', ')}${classes.length > shown.length ? ` and ${classes.length - shown.length} more` : ''}`
}
