// Knows: seeds as a table in text: which column holds them, and how a table comes in pieces.
import Papa from 'papaparse'
import { ANSWER_FIELDS, readRecord, TEXT_FIELDS } from './record.ts'
import { LINE_LIMIT, type RawRow, type RowReader } from './row-reader.ts'

/** What the parser answers; read by hand, because its own type is `any`. */
interface Parsed {
  readonly data: readonly (readonly string[])[]
  readonly errors: readonly { readonly row?: number }[]
  readonly meta: { readonly cursor: number }
}

/**
 * Comma, semicolon or tab, whichever stands most often in the first line, outside quotes; a tab where `tabs` says so.
 * Tab-separated files are split without quoting (as IANA's text/tab-separated-values has it); a cell that is quoted whole is unwrapped.
 */
export class CsvReader implements RowReader {
  readonly #tabs: boolean
  #rest = ''
  #returned = false
  #line = 1
  #delimiter: string | undefined
  /** Column names, or `null` where the first row is data. */
  #columns: readonly string[] | null | undefined
  #broken = false

  constructor(tabs: boolean) {
    this.#tabs = tabs
  }

  push(piece: string): RawRow[] {
    // The parser wants one kind of line end.
    const text = (this.#returned && piece.startsWith('\n') ? piece.slice(1) : piece).replaceAll(
      /\r\n?/g,
      '\n',
    )
    if (piece !== '') this.#returned = piece.endsWith('\r')
    if (this.#broken) return []
    this.#rest += text
    if (this.#delimiter === undefined && !this.#rest.includes('\n') && this.#rest.length < LINE_LIMIT)
      return []
    return this.#parse(true)
  }

  end(whole: boolean): RawRow[] {
    return this.#broken ? [] : this.#parse(!whole)
  }

  #parse(ignoreLast: boolean): RawRow[] {
    this.#delimiter ??= this.#tabs ? '\t' : guessDelimiter(this.#rest)
    const tabs = this.#delimiter === '\t'
    const parser = new Papa.Parser({
      delimiter: this.#delimiter,
      newline: '\n',
      ...(tabs ? { fastMode: true } : {}),
    })
    const { data, errors, meta } = parser.parse(this.#rest, 0, ignoreLast) as Parsed // the library's documented answer
    const faulty = new Set(errors.map(({ row }) => row))
    const rows = data.flatMap((cells, i): RawRow[] =>
      this.#readRow(tabs ? cells.map(unwrap) : cells, faulty.has(i)),
    )
    this.#rest = ignoreLast ? this.#rest.slice(meta.cursor) : ''
    if (this.#rest.length > LINE_LIMIT) {
      this.#broken = true
      rows.push({
        line: this.#line,
        sentence: `From line ${this.#line} on, a quotation mark is opened and not closed for ${LINE_LIMIT.toLocaleString('en')} characters. The rows after it were not read: close it and add the file again.`,
      })
      this.#rest = ''
    }
    return rows
  }

  #readRow(cells: readonly string[], faulty: boolean): RawRow[] {
    const line = this.#line
    const lines = 1 + cells.reduce((sum, cell) => sum + (cell.split('\n').length - 1), 0)
    this.#line += lines
    if (cells.every((cell) => cell.trim() === '')) return []
    if (faulty) {
      const where =
        lines > 1 ? `Lines ${line} to ${line + lines - 1} are read as one row because` : 'In this row'
      return [
        {
          line,
          sentence: `${where} a quotation mark is not closed, or stands alone inside a quoted cell. Double it (“""”) or close it.`,
        },
      ]
    }
    if (this.#columns === undefined) {
      this.#columns = readHeader(cells)
      if (this.#columns) return []
    }
    if (!this.#columns) return [{ line, text: cells[0] ?? '' }]
    const record: Record<string, string> = {}
    this.#columns.forEach((name, i) => {
      const cell = cells[i]
      if (cell !== undefined && cell !== '' && !Object.hasOwn(record, name)) record[name] = cell
    })
    const read = readRecord(record)
    if (!('sentence' in read)) return [{ line, ...read }]
    const wanted = this.#columns.find((name) => isTextField(name)) ?? 'prompt'
    return [{ line, sentence: `The column \`${wanted}\` is empty in this row.`, field: wanted }]
  }
}

const isTextField = (name: string): boolean => TEXT_FIELDS.some((field) => field === name)
const isKnown = (name: string): boolean => isTextField(name) || ANSWER_FIELDS.some((field) => field === name)

/** Column names in lower case, if this row is a header: one of its cells names a text that we know. */
export function readHeader(cells: readonly string[]): readonly string[] | null {
  const names = cells.map((cell) => cell.trim().toLowerCase())
  return names.some(isTextField) ? names : null
}

/** True for a first line that is surely a header of several columns: for pasted text, where no file name tells. */
export function isHeaderLine(line: string): boolean {
  const names = line.split(/[,;\t]/).map((name) => name.trim().toLowerCase())
  return (
    names.length > 1 &&
    names.every((name) => /^["\w -]{1,30}$/.test(name)) &&
    names.some(isTextField) &&
    names.filter(isKnown).length > 1
  )
}

function guessDelimiter(text: string): string {
  const line = (text.split('\n', 1)[0] ?? '').replaceAll(/"[^"]*"/g, '')
  const count = (delimiter: string): number => line.split(delimiter).length - 1
  return [',', ';', '\t'].reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best))
}

const unwrap = (cell: string): string =>
  cell.length > 1 && cell.startsWith('"') && cell.endsWith('"')
    ? cell.slice(1, -1).replaceAll('""', '"')
    : cell
