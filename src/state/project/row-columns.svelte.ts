// Knows: the columns of the table of rows that a person can add: fields, verdicts of several judges, the number of earlier messages; and
// which are chosen, remembered for each project in this browser.
import { hashOf } from '../../domain/hash.ts'
import type { ProjectId } from '../../domain/id.ts'
import type { RowIndexEntry } from '../../storage/row-index.ts'

export interface ExtraColumn {
  /** Unique among all columns. */
  readonly key: string
  readonly name: string
  readonly kind: 'field' | 'verdict' | 'earlier'
}

const EARLIER: ExtraColumn = { key: 'extra:earlier', name: 'Earlier messages', kind: 'earlier' }
/** Max columns that are offered, and max columns that are shown at a time. */
const MAX_OFFERED = 60
export const MAX_EXTRA_COLUMNS = 6

/** The columns that these rows have values for. */
export function findExtraColumns(entries: readonly RowIndexEntry[]): readonly ExtraColumn[] {
  const found = new Map<string, ExtraColumn>()
  const add = (column: ExtraColumn): void => {
    if (found.size < MAX_OFFERED) found.set(column.key, column)
  }
  for (const { earlier, fields = {}, verdicts = {} } of entries) {
    if (earlier !== undefined) add(EARLIER)
    for (const name of Object.keys(verdicts)) add({ key: `verdict:${name}`, name, kind: 'verdict' })
    for (const name of Object.keys(fields)) add({ key: `field:${name}`, name, kind: 'field' })
  }
  return [...found.values()]
}

/** A row's value in such a column; undefined if it has none. */
export function readExtra(
  { earlier, fields = {}, verdicts = {} }: RowIndexEntry,
  { kind, name }: ExtraColumn,
): string | number | undefined {
  if (kind === 'earlier') return earlier
  const values: Readonly<Record<string, string | number>> = kind === 'field' ? fields : verdicts
  return Object.hasOwn(values, name) ? values[name] : undefined
}

/** Rows without a value are last in either direction. */
export function compareExtra(column: ExtraColumn, down: boolean, a: RowIndexEntry, b: RowIndexEntry): number {
  const [x, y] = [readExtra(a, column), readExtra(b, column)]
  if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined)
  const order =
    typeof x === 'number' && typeof y === 'number'
      ? x - y
      : String(x).localeCompare(String(y), undefined, { numeric: true })
  return down ? -order : order
}

/** Names of fields may be private and outlast their project here: only hashes of them are stored. */
const nameOf = ({ key }: ExtraColumn): string => hashOf(key).slice(0, 12)

export class RowColumns {
  #chosen = $state.raw<readonly string[]>([])
  readonly #memory: Pick<Storage, 'getItem' | 'setItem'> | undefined
  readonly #key: string

  /** `memory` is absent if the browser refuses storage; the choice then lasts until the page closes. */
  constructor(memory: Pick<Storage, 'getItem' | 'setItem'> | undefined, projectId: ProjectId) {
    this.#memory = memory
    this.#key = `retort columns ${projectId}`
    this.#chosen = (memory?.getItem(this.#key) ?? '')
      .split(' ')
      .filter((name) => /^[0-9a-f]{12}$/.test(name))
      .slice(0, MAX_OFFERED)
  }

  isChosen(column: ExtraColumn): boolean {
    return this.#chosen.includes(nameOf(column))
  }

  /** Those of the offered columns that are shown. */
  shownOf(offered: readonly ExtraColumn[]): readonly ExtraColumn[] {
    return offered.filter((column) => this.isChosen(column)).slice(0, MAX_EXTRA_COLUMNS)
  }

  toggle(column: ExtraColumn): void {
    const name = nameOf(column)
    this.#chosen = this.#chosen.includes(name)
      ? this.#chosen.filter((one) => one !== name)
      : [...this.#chosen, name]
    try {
      this.#memory?.setItem(this.#key, this.#chosen.join(' '))
    } catch {
      // A full storage: the choice lasts until the page closes.
    }
  }
}
