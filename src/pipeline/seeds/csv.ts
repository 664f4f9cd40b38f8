// Knows: seeds as a delimited table: which column contains them, and how a table is read in pieces.
import Papa from 'papaparse'
import { ANSWER_FIELDS, readRecord, TEXT_FIELDS } from './record.ts'
import { LINE_LIMIT, type RawRow, type RowReader } from './row-reader.ts'

/** The parser's result; declared here, because its own type is `any`. */
interface Parsed {
  readonly data: readonly (readonly string[])[]
  readonly errors: readonly { readonly row?: number }[]
  readonly meta: { readonly cursor: number }
}

/**
 * Comma, semicolon or tab, whichever is most frequent in the first line, outside quotes; a tab if `tabs` is true.
 * Tab-separated files are split without quoting (as in IANA's text/tab-separated-values); a fully quoted cell is unquoted.
 */
export class CsvReader implements RowReader {
  readonly #tabs: boolean
  #rest = ''
  #returned = false
  #line = 1
  #delimiter: string | undefined
  /** Column names, or `null` if the first row is data. */
  #columns: readonly string[] | null | undefined
  #broken = false

  constructor(tabs: boolean) {
    this.#tabs = tabs
  }

  push(piece: string): RawRow[] {
    // The parser needs a single kind of line end.
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
    const { data, errors, meta } = parser.parse(this.#rest, 0, ignoreLast) as Parsed // the library's documented result
    const malformed = new Set(errors.map(({ row }) => row))
    const rows = data.flatMap((cells, i): RawRow[] =>
      this.#readRow(tabs ? cells.map(unquote) : cells, malformed.has(i)),
    )
    this.#rest = ignoreLast ? this.#rest.slice(meta.cursor) : ''
    if (this.#rest.length > LINE_LIMIT) {
      this.#broken = true
      rows.push({
        line: this.#line,
        sentence: `A quotation mark opened on line ${this.#line} is not closed within ${LINE_LIMIT.toLocaleString('en')} characters. The rows after it were not read: close it and add the file again.`,
      })
      this.#rest = ''
    }
    return rows
  }

  #readRow(cells: readonly string[], malformed: boolean): RawRow[] {
    const line = this.#line
    const lines = 1 + cells.reduce((sum, cell) => sum + (cell.split('\n').length - 1), 0)
    this.#line += lines
    if (cells.every((cell) => cell.trim() === '')) return []
    if (malformed) {
      const where =
        lines > 1 ? `Lines ${line} to ${line + lines - 1} are read as one row because` : 'In this row'
      return [
        {
          line,
          sentence: `${where} a quotation mark is not closed, or is single inside a quoted cell. Double it (“""”) or close it.`,
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
    const column = this.#columns.find((name) => isTextField(name)) ?? 'prompt'
    return [{ line, sentence: `The column \`${column}\` is empty in this row.`, field: column }]
  }
}

const isTextField = (name: string): boolean => TEXT_FIELDS.some((field) => field === name)
const isKnown = (name: string): boolean => isTextField(name) || ANSWER_FIELDS.some((field) => field === name)

/** Column names in lower case, if this row is a header: one of its cells is a known name of a text column. */
export function readHeader(cells: readonly string[]): readonly string[] | null {
  const names = cells.map((cell) => cell.trim().toLowerCase())
  return names.some(isTextField) ? names : null
}

/** True for a first line that is certainly a header of several columns: for pasted text, which has no file name. */
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

const unquote = (cell: string): string =>
  cell.length > 1 && cell.startsWith('"') && cell.endsWith('"')
    ? cell.slice(1, -1).replaceAll('""', '"')
    : cell
