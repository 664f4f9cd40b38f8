// Knows: rows of cells in delimited text (RFC 4180), in pieces: quoted cells, line ends inside them, the raw text of each row.
// Must not know: headers, columns, seeds.
import { HEAD_CHARACTERS } from './row-reader.ts'

export interface CellRow {
  /** From 1, of the row's first line. */
  readonly line: number
  /** Lines it takes: more than 1 if a quoted cell contains line ends. */
  readonly lines: number
  readonly cells: readonly string[]
  /** As written, without its line end. */
  readonly raw: string
  /** A quotation mark is not closed, or is single inside a quoted cell. */
  readonly malformed: boolean
}

/**
 * Quotes count at the beginning of a cell, also behind blanks (`a, "b, c"`). `lenient`: a cell whose quotes are not those of a
 * quoted cell is literal text, as in tab-separated files; otherwise such a row is malformed. A line end inside quotes stays as it
 * is written. A lone `\r` ends rows only if it is the file's first line end.
 */
export class CellReader {
  readonly #delimiter: string
  readonly #lenient: boolean
  /** The next mark between cells or line end; and the same at one place. */
  readonly #ends: RegExp
  readonly #endHere: RegExp
  #rest = ''
  #line: number

  constructor({
    delimiter,
    lenient,
    returns,
    line,
  }: {
    delimiter: string
    lenient: boolean
    returns: boolean
    /** Of the first row. */
    line: number
  }) {
    this.#line = line
    this.#delimiter = delimiter
    this.#lenient = lenient
    const mark = delimiter.replaceAll(/[|\\^$.*+?()[\]{}]/g, String.raw`\$&`)
    const ends = returns ? `${mark}|\\r\\n?|\\n` : `${mark}|\\r?\\n`
    this.#ends = new RegExp(ends, 'g')
    this.#endHere = new RegExp(ends, 'y')
  }

  /** Characters of the row that is not complete yet, and its first line. */
  get openLength(): number {
    return this.#rest.length
  }
  get line(): number {
    return this.#line
  }

  /** The rows that this text completes; with `last`, the remaining row too. */
  push(text: string, last: boolean): CellRow[] {
    this.#rest += text
    const rows: CellRow[] = []
    let at = 0
    while (at < this.#rest.length) {
      const read = this.#readRow(at, last)
      if (read === undefined) break
      const raw = this.#rest.slice(at, read.to)
      const lines = countLines(raw)
      rows.push({ line: this.#line, lines, cells: read.cells, raw, malformed: read.malformed })
      this.#line += lines
      at = read.next
    }
    this.#rest = this.#rest.slice(at)
    return rows
  }

  /** Gives up the open row. */
  drop(): void {
    this.#rest = ''
  }

  #readRow(
    from: number,
    last: boolean,
  ): { cells: string[]; malformed: boolean; to: number; next: number } | undefined {
    const text = this.#rest
    const cells: string[] = []
    let malformed = false
    for (let at = from; ;) {
      let start = at
      while (text[start] === ' ') start += 1
      const quoted =
        text[start] === '"' ? this.#readQuoted(start, this.#lenient || start > at, last) : undefined
      if (quoted === 'open') return undefined
      const usable = quoted !== undefined && quoted !== 'literal'
      this.#ends.lastIndex = usable ? quoted.end : at
      const end = this.#ends.exec(text)
      if (!end && !last) return undefined
      // "\r" at the very end of a piece may be the first half of "\r\n".
      if (end && !last && end[0] === '\r' && end.index + 1 === text.length) return undefined
      const to = end ? end.index : text.length
      cells.push(usable ? quoted.cell : text.slice(at, to))
      malformed ||= usable && quoted.malformed
      if (!end) return { cells, malformed, to, next: text.length }
      at = to + end[0].length
      if (end[0] !== this.#delimiter) return { cells, malformed, to, next: at }
    }
  }

  /**
   * The quoted cell at `start`; `open` if its end may be in a later piece; `literal` if the cell is text that begins with a
   * quotation mark, which is possible if `lenient`.
   */
  #readQuoted(
    start: number,
    lenient: boolean,
    last: boolean,
  ): { cell: string; end: number; malformed: boolean } | 'open' | 'literal' {
    const text = this.#rest
    let malformed = false
    for (let at = start + 1; ;) {
      const mark = text.indexOf('"', at)
      if (lenient && (mark < 0 ? text.length : mark) - start > HEAD_CHARACTERS) return 'literal'
      if (mark < 0 && lenient && last) return 'literal'
      if (mark < 0)
        return last
          ? { cell: text.slice(start + 1).replaceAll('""', '"'), end: text.length, malformed: true }
          : 'open'
      if (text[mark + 1] === '"') {
        at = mark + 2
        continue
      }
      let behind = mark + 1
      while (text[behind] === ' ') behind += 1
      if (behind === text.length && !last) return 'open'
      this.#endHere.lastIndex = behind
      if (behind === text.length || this.#endHere.test(text)) {
        const inner = text.slice(start + 1, mark)
        // In lenient text a pair of marks that spans cells of several lines is a coincidence.
        if (lenient && inner.includes(this.#delimiter) && /[\r\n]/.test(inner)) return 'literal'
        // Blanks on both sides of marks that enclose nothing special: a quoted word, as Papa Parse reads it.
        const isPadded = lenient && this.#delimiter !== '\t' && behind > mark + 1
        if (isPadded && !inner.includes(this.#delimiter) && !/["\r\n]/.test(inner)) return 'literal'
        return { cell: inner.replaceAll('""', '"'), end: behind, malformed }
      }
      if (lenient) return 'literal'
      malformed = true
      at = mark + 1
    }
  }
}

const countLines = (raw: string): number => raw.split(/\r\n|\n|\r/).length
