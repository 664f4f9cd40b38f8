// Knows: seeds as one JSON value: a list of records, or a record with such a list. It is read whole, so its size is limited.
import { isRecord, readRecord } from './record.ts'
import type { RawRow, RowReader } from './row-reader.ts'

/** Max characters of a JSON file. */
export const JSON_LIMIT = 64_000_000

/** Fields that usually contain the list, the most common first. */
const LIST_FIELDS = ['seeds', 'data', 'rows', 'examples', 'train', 'prompts', 'items']

export class JsonReader implements RowReader {
  #pieces: string[] = []
  #length = 0

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
    const list = findList(value)
    if (!list) return [{ line: 1, ...readRecord(value) }]
    return list.map((item, i) => ({ line: i + 1, ...readRecord(item) }))
  }
}

/** The list of records in a JSON value; `undefined` if the value itself is a record. */
function findList(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (!isRecord(value) || !('sentence' in readRecord(value))) return undefined
  const named = LIST_FIELDS.map((field) => value[field]).find(Array.isArray)
  const any: unknown = named ?? Object.values(value).find((field) => Array.isArray(field) && field.length > 0)
  return Array.isArray(any) ? any : undefined
}
