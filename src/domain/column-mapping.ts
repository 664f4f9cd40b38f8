// Knows: what each column of a file is for: the prompt, the answer, context, a field to keep, or nothing.
// Must not know: how columns are found in a file (pipeline/seeds), where mappings are stored.

export const COLUMN_ROLES = ['prompt', 'answer', 'context', 'system', 'earlier', 'field', 'ignore'] as const
/**
 * `context` is put into the prompt, after a blank line; `system` and `earlier` (a list of messages or of [question, answer]) come before it in
 * the conversation; `field` is stored with the seed.
 */
export type ColumnRole = (typeof COLUMN_ROLES)[number]

export interface MappedColumn {
  /** As written in the file; made unique. */
  readonly name: string
  readonly role: ColumnRole
}

/** What a person chose for files of one form; it is remembered for the next file of that form. */
export interface ColumnMapping {
  readonly form: string
  /** The first row of a table has the names. */
  readonly header: boolean
  readonly columns: readonly MappedColumn[]
}

/** The beginning of a source of columns, and what each column is taken for. */
export interface ColumnPreview {
  /** Files of the same form have the same kind and the same set of columns; see `formOf`. */
  readonly form: string
  readonly kind: 'table' | 'records'
  readonly header: boolean
  readonly columns: readonly MappedColumn[]
  /** Columns beyond `MAX_COLUMNS`, which are ignored. */
  readonly moreColumns: number
  /** Cells of the first rows, shortened. Of a table, the first one is the header if it has one. */
  readonly rows: readonly (readonly string[])[]
  /** Why the columns have these roles: known names, an earlier choice, this person's choice now, or only a guess. */
  readonly origin: 'recognised' | 'remembered' | 'chosen' | 'guessed'
}

/** Max columns that can be chosen from, and max characters of a column's name. */
export const MAX_COLUMNS = 100
export const COLUMN_NAME_LIMIT = 100

/** Names of columns: the header's cells (shortened, made unique), or `Column 1` … if there is no header. */
export function nameColumns(cells: readonly string[], header: boolean): string[] {
  const taken = new Set<string>()
  /** The number that the next name of this base is tried with: counting from 2 each time would take minutes on a hostile header. */
  const next = new Map<string, number>()
  return cells.map((cell, i) => {
    const own = header ? cell.trim().replaceAll(/\s+/g, ' ').slice(0, COLUMN_NAME_LIMIT) : ''
    const base = own === '' ? `Column ${i + 1}` : own
    let name = base
    for (let n = next.get(base) ?? 2; taken.has(name); n++) {
      name = `${base} (${n})`
      next.set(base, n + 1)
    }
    taken.add(name)
    return name
  })
}

/** Files of the same kind with the same set of columns have the same form, in any order and letter case. */
export function formOf({
  kind,
  header,
  columns,
}: Pick<ColumnPreview, 'kind' | 'header' | 'columns'>): string {
  const names = columns.map(({ name }) => name.toLowerCase()).toSorted()
  return header ? `${kind} ${JSON.stringify(names)}` : `${kind} of ${names.length} columns without names`
}

/** Why seeds cannot be read with these roles; `undefined` if they can. */
export function checkColumns(columns: readonly MappedColumn[]): string | undefined {
  const count = (wanted: ColumnRole): number => columns.filter(({ role }) => role === wanted).length
  if (count('prompt') === 0) return 'Choose the column that is the prompt.'
  if (count('prompt') > 1)
    return 'Choose one column as the prompt. Others that belong to it can be its context.'
  if (count('system') > 1 || count('earlier') > 1)
    return 'Choose one column as the system message and one as the earlier messages, at most.'
  if (count('answer') > 1) return 'Choose one column as the answer. Others can be kept as fields.'
  return undefined
}
