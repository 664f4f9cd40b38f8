// Knows: how JSON values become rows: which columns they have, decided from the first ones, and how each is read.
import { COLUMN_NAME_LIMIT, formOf, MAX_COLUMNS, type ColumnPreview } from '../../domain/column-mapping.ts'
import { isChat } from './chat.ts'
import { guessRoles } from './guess-columns.ts'
import type { JsonItem } from './json-lines.ts'
import { knownRoles } from './known-roles.ts'
import { readMapped } from './mapped.ts'
import { isKnownRecord, readRecord } from './record.ts'
import {
  PREVIEW_ROWS,
  SAMPLE_ROWS,
  type ColumnPlan,
  type Decide,
  type RawRow,
  type RecordRead,
} from './row-reader.ts'
import { shorten } from './shorten-cell.ts'
import { anyText, isRecord } from './values.ts'

export class RecordRows {
  readonly #decide: Decide
  #held: JsonItem[] = []
  #plan: ColumnPlan | 'undecided' | 'refused' = 'undecided'

  constructor(decide: Decide) {
    this.#decide = decide
  }

  /** The items as rows; they are held until `decide` was called. */
  add(items: readonly JsonItem[]): RawRow[] {
    if (this.#plan === 'refused') return []
    if (this.#plan !== 'undecided') return this.#read(this.#plan, items)
    for (const item of items) this.#held.push(item)
    return []
  }

  /** Decides from the items so far and returns their rows; nothing if that was done. */
  decide(): RawRow[] {
    if (this.#plan !== 'undecided') return []
    const items = this.#held
    this.#held = []
    const preview = previewRecords(items.flatMap((item) => ('value' in item ? spread(item.value) : [])))
    this.#plan = preview === undefined ? 'recognised' : (this.#decide(preview) ?? 'refused')
    return this.#plan === 'refused' ? [] : this.#read(this.#plan, items)
  }

  #read(plan: ColumnPlan, items: readonly JsonItem[]): RawRow[] {
    return items.flatMap((item): RawRow[] => {
      if ('sentence' in item) return [item]
      const { line, value } = item
      if (Array.isArray(value) && value.length === 0)
        return [{ line, sentence: 'The list is empty: it has no seed.' }]
      return spread(value).map((one) => ({ line, ...readOne(one, plan) }))
    })
  }
}

/** A list of records or texts as its items; a chat is one record. */
const spread = (value: unknown): readonly unknown[] =>
  Array.isArray(value) && !isChat(value) && value.every((item) => typeof item === 'string' || isRecord(item))
    ? value
    : [value]

function readOne(value: unknown, plan: ColumnPlan): RecordRead {
  try {
    return plan === 'recognised' || !isRecord(value)
      ? readRecord(value)
      : readMapped(new Map(Object.entries(value)), plan.columns)
  } catch (thrown) {
    // Writing a value as text needs stack for each level.
    if (!(thrown instanceof RangeError)) throw thrown
    return {
      sentence: 'The record has lists within lists too deep to be read. Remove that field, or flatten it.',
    }
  }
}

/** A value as a preview shows it; `…` if it is nested too deeply to be written. */
function showValue(value: unknown): string {
  try {
    return anyText(value) ?? ''
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown
    return '…'
  }
}

/** The columns of the first records; `undefined` if there are none to choose from. */
function previewRecords(values: readonly unknown[]): ColumnPreview | undefined {
  const records = values.filter(isRecord).slice(0, SAMPLE_ROWS)
  if (records.length === 0) return undefined
  const known = values.slice(0, SAMPLE_ROWS).some(isKnownRecord)
  const all = [...new Set(records.flatMap((record) => Object.keys(record)))]
  const names = all.filter((name) => name.length <= COLUMN_NAME_LIMIT).slice(0, MAX_COLUMNS)
  if (names.length === 0) return undefined
  const rows = records.map((record) => names.map((name) => showValue(record[name])))
  const columns = known ? knownRoles(names) : guessRoles(names, rows)
  return {
    form: formOf({ kind: 'records', header: true, columns }),
    kind: 'records',
    header: true,
    columns,
    moreColumns: all.length - names.length,
    rows: rows.slice(0, PREVIEW_ROWS).map((cells) => cells.map(shorten)),
    origin: known ? 'recognised' : 'guessed',
  }
}
