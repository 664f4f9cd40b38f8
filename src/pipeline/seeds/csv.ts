// Knows: seeds as a delimited table, read in pieces: its layout and columns from the beginning, then row by row.
import { formOf, MAX_COLUMNS, nameColumns, type ColumnPreview } from '../../domain/column-mapping.ts'
import { CellReader, type CellRow } from './cells.ts'
import { guessRoles } from './guess-columns.ts'
import { isKnownField, isTextField } from './known-fields.ts'
import { readMapped } from './mapped.ts'
import type { Note } from './notes.ts'
import { readRecord } from './record.ts'
import {
  decideAlone,
  HEAD_CHARACTERS,
  LINE_LIMIT,
  PREVIEW_ROWS,
  type ColumnPlan,
  type Decide,
  type RawRow,
  type RecordRead,
  type RowReader,
} from './row-reader.ts'
import { knownRoles } from './known-roles.ts'
import { shorten } from './shorten-cell.ts'
import { findLayout, namesOf, type TableLayout } from './table-layout.ts'

/** A table that is being read: how it is written, the names of its columns, and how they are read. */
interface Open {
  readonly cells: CellReader
  readonly width: number
  /** The mark between cells, in words. */
  readonly mark: string
  readonly names: readonly string[]
  readonly plan: ColumnPlan
  /** Rows are texts as a whole. */
  readonly lines: boolean
}

const MARKS: Readonly<Record<string, string>> = {
  ',': 'comma',
  ';': 'semicolon',
  '\t': 'tab',
  '|': 'vertical bar',
}

export class CsvReader implements RowReader {
  readonly #tabs: boolean
  readonly #decide: Decide
  #head = ''
  #open: Open | undefined
  #headerIsNext = false
  /** Nothing more is read: columns that nobody chose, or an open quotation mark. */
  #ended = false

  constructor(tabs: boolean, decide: Decide = decideAlone) {
    this.#tabs = tabs
    this.#decide = decide
  }

  push(piece: string): RawRow[] {
    if (this.#ended) return []
    if (this.#open) return this.#read(this.#open, piece, false)
    this.#head += piece
    return this.#head.length < HEAD_CHARACTERS ? [] : this.#begin(false, false)
  }

  end(whole: boolean): RawRow[] {
    if (this.#ended) return []
    return this.#open ? this.#read(this.#open, '', whole) : this.#begin(true, whole)
  }

  /** Decides on exactly the first characters, however they came in pieces. */
  #begin(atEnd: boolean, last: boolean): RawRow[] {
    const head = this.#head.slice(0, HEAD_CHARACTERS)
    const layout = findLayout(head, { tabs: this.#tabs, whole: atEnd && this.#head.length === head.length })
    const preview = previewTable(layout)
    // A list of lines has no columns to choose from.
    const isList = layout.width === 1 && !layout.known && !layout.header
    const plan = isList ? 'recognised' : this.#decide(preview)
    const text = this.#head.slice(layout.skip.characters)
    this.#head = ''
    if (plan === undefined) {
      this.#ended = true
      return []
    }
    const header = plan === 'recognised' ? layout.header : plan.header
    this.#headerIsNext = header
    this.#open = {
      cells: new CellReader({
        delimiter: layout.delimiter,
        lenient: layout.delimiter === '\t',
        returns: layout.returns,
        line: layout.skip.lines + 1,
      }),
      width: layout.width,
      mark: MARKS[layout.delimiter] ?? `“${layout.delimiter}”`,
      names: nameColumns(namesOf(layout.rows[0] ?? []), header),
      plan,
      lines: layout.width === 1,
    }
    const { comments } = layout.skip
    const skipped: Note[] = comments > 0 ? [{ kind: 'skipped-line', amount: comments }] : []
    return [...(skipped.length > 0 ? [{ line: 1, skipped }] : []), ...this.#read(this.#open, text, last)]
  }

  #read(open: Open, text: string, last: boolean): RawRow[] {
    const rows = open.cells.push(text, last).flatMap((row) => this.#readRow(open, row))
    if (open.cells.openLength <= LINE_LIMIT) return rows
    this.#ended = true
    open.cells.drop()
    const { line } = open.cells
    return [
      ...rows,
      {
        line,
        sentence: `A quotation mark opened on line ${line} is not closed within ${LINE_LIMIT.toLocaleString('en')} characters. The rows after it were not read: close it and add the file again.`,
      },
    ]
  }

  #readRow(open: Open, row: CellRow): RawRow[] {
    const { line, lines, malformed } = row
    if (row.cells.every((cell) => cell.trim() === '')) return []
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
    if (this.#headerIsNext) {
      this.#headerIsNext = false
      return []
    }
    const cells = open.lines && row.cells.length > 1 ? [row.raw] : row.cells
    const extra = cells.slice(open.width)
    if (extra.some((cell) => cell.trim() !== ''))
      return [
        {
          line,
          sentence: `The row has ${cells.length} cells, and the table has ${open.width} columns, so it was not added. Put quotation marks around a cell that contains a ${open.mark}.`,
        },
      ]
    return [{ line, ...readCells(open, cells) }]
  }
}

function readCells({ names, plan }: Open, cells: readonly string[]): RecordRead {
  if (plan !== 'recognised')
    return readMapped(new Map(names.map((name, i) => [name, cells[i] ?? ''])), plan.columns)
  if (names.length === 1) return { text: cells[0] ?? '' }
  const record = Object.fromEntries(
    names.flatMap((name, i) => {
      const cell = cells[i] ?? ''
      return cell === '' ? [] : [[name, cell]]
    }),
  )
  const read = readRecord(record)
  if (!('sentence' in read)) return read
  const column = names.find((name) => isTextField(name.toLowerCase())) ?? names[0] ?? 'prompt'
  return { sentence: `The column \`${column}\` is empty in this row.`, field: column }
}

/** What a person sees of a table: its first rows, and the roles of its columns. */
function previewTable(layout: TableLayout): ColumnPreview {
  const first = layout.rows[0] ?? []
  const all = nameColumns(namesOf(first).slice(0, layout.width), layout.header)
  const names = all.slice(0, MAX_COLUMNS)
  const rows = layout.header ? layout.rows.slice(1) : layout.rows
  const columns = layout.known ? knownRoles(names) : guessRoles(names, rows)
  return {
    form: formOf({ kind: 'table', header: layout.header, columns }),
    kind: 'table',
    header: layout.header,
    columns,
    moreColumns: all.length - names.length,
    rows: layout.rows.slice(0, PREVIEW_ROWS + 1).map((cells) => cells.slice(0, names.length).map(shorten)),
    origin: layout.known ? 'recognised' : 'guessed',
  }
}

/** True for a first line that is certainly a header of several columns: for pasted text, which has no file name. */
export function isHeaderLine(line: string): boolean {
  const names = line.split(/[,;\t|]/).map((name) => name.trim().toLowerCase())
  return (
    names.length > 1 &&
    names.every((name) => /^["\w -]{1,30}$/.test(name)) &&
    names.some(isTextField) &&
    names.filter(isKnownField).length > 1
  )
}
