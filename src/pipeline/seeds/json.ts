// Knows: seeds as one JSON value: a list of records, or a record with such a list. It is read whole, so its size is limited.
import { isChat } from './chat.ts'
import { JsonLines, type JsonItem } from './json-lines.ts'
import { LineSplitter } from './lines.ts'
import { isKnownRecord } from './record.ts'
import { RecordRows } from './record-rows.ts'
import { decideAlone, type Decide, type RawRow, type RowReader } from './row-reader.ts'
import { flattenArticles } from './squad.ts'
import { isBlank, isRecord } from './values.ts'

/** Max characters of a JSON file. */
export const JSON_LIMIT = 64_000_000

/** Fields that usually contain the list, the most common first. */
const LIST_FIELDS = ['seeds', 'data', 'rows', 'examples', 'train', 'prompts', 'items']

export class JsonReader implements RowReader {
  readonly #rows: RecordRows
  #pieces: string[] = []
  #length = 0

  constructor(decide: Decide = decideAlone) {
    this.#rows = new RecordRows(decide)
  }

  push(text: string): RawRow[] {
    this.#length += text.length
    if (this.#length <= JSON_LIMIT) this.#pieces.push(text)
    else this.#pieces = []
    return []
  }

  end(whole: boolean): RawRow[] {
    if (!whole) return []
    if (this.#length > JSON_LIMIT)
      return [
        {
          line: 1,
          sentence: `A JSON file can have up to ${JSON_LIMIT / 1e6} million characters, and this one has more. Save it as JSONL, one record per line.`,
        },
      ]
    const text = this.#pieces.join('')
    if (text.trim() === '') return []
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      const several = readSeveral(text)
      if (several) return this.#readItems(several)
      const cut = !/[\]}]\s*$/.test(text)
      return [
        {
          line: 1,
          sentence: cut
            ? 'The file begins as JSON but ends in the middle. Is it complete?'
            : 'The file is not JSON. If every line is a separate record, rename it to .jsonl.',
        },
      ]
    }
    const { list: found, others } = findList(value)
    const list = flattenArticles(found) ?? found
    const items = list.length === 0 ? [[]] : list // an empty list is reported as such
    const rows = this.#readItems(items.map((item, i) => ({ line: i + 1, value: item })))
    return others.length === 0
      ? rows
      : [{ line: 1, skipped: others.map((name) => ({ kind: 'ignored', name })) }, ...rows]
  }

  #readItems(items: readonly JsonItem[]): RawRow[] {
    const held = this.#rows.add(items)
    return [...held, ...this.#rows.decide()]
  }
}

/** Several values one after the other, each valid; `undefined` if one is not. */
function readSeveral(text: string): JsonItem[] | undefined {
  const [splitter, values] = [new LineSplitter(), new JsonLines()]
  const items = [...splitter.push(text), ...splitter.end()].flatMap((line) => values.push(line))
  const all = [...items, ...values.end()]
  return all.length > 0 && all.every((item) => 'value' in item) ? all : undefined
}

/** The records in a JSON value, and the names of what is next to their list. */
function findList(value: unknown): { list: readonly unknown[]; others: readonly string[] } {
  if (Array.isArray(value)) return { list: isChat(value) ? [value] : value, others: [] }
  if (!isRecord(value)) return { list: [value], others: [] }
  const columns = transpose(value)
  if (columns) return { list: columns, others: [] }
  if (isKnownRecord(value)) return { list: [value], others: [] }
  const isList = (name: string): boolean => Array.isArray(value[name])
  const name =
    LIST_FIELDS.find(isList) ??
    Object.keys(value).find((field) => isList(field) && !isBlank((value[field] as readonly unknown[])[0]))
  const list = name === undefined ? undefined : value[name]
  if (!Array.isArray(list)) return { list: [value], others: [] }
  return {
    list,
    others: Object.keys(value)
      .filter((other) => other !== name && !isBlank(value[other]))
      .slice(0, 100),
  }
}

/** Columns as lists of equal length, `{"prompt": ["a", "b"], "answer": ["c", "d"]}`, as records. */
function transpose(value: Readonly<Record<string, unknown>>): Record<string, unknown>[] | undefined {
  const columns = Object.entries(value).map(([name, list]) => ({
    name,
    list: Array.isArray(list) && !isChat(list) ? (list as readonly unknown[]) : undefined,
  }))
  const length = columns[0]?.list?.length ?? 0
  if (columns.length < 2 || length === 0) return undefined
  if (!columns.every(({ list }) => list?.length === length && !list.some(isRecord))) return undefined
  return Array.from({ length }, (_none, i) =>
    Object.fromEntries(columns.map(({ name, list }) => [name, list?.[i]])),
  )
}
