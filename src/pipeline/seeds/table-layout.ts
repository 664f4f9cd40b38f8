// Knows: how a table is written, found from its beginning: lines before the header, the mark between cells, whether there is a header.
// Must not know: what columns are for (guess-columns.ts), how the rest is read (csv.ts).
import { CellReader, type CellRow } from './cells.ts'
import { isKnownForm } from './record.ts'
import { hintOf } from './known-fields.ts'
import { HEAD_CHARACTERS, SAMPLE_ROWS } from './row-reader.ts'

export interface TableLayout {
  readonly delimiter: string
  /** Lone `\r` ends lines. */
  readonly returns: boolean
  /** Characters and lines before the first row, and how many of the lines are comments. */
  readonly skip: { readonly characters: number; readonly lines: number; readonly comments: number }
  readonly header: boolean
  /** The header has names of a format that is read without a choice. */
  readonly known: boolean
  /** Cells of a row; 1: each line is a text as a whole. */
  readonly width: number
  /** The first rows, with the header. */
  readonly rows: readonly (readonly string[])[]
}

const DELIMITERS = [',', ';', '\t', '|'] as const

/** `whole`: the head is the whole source. `tabs`: the file's name says that tabs separate its cells. */
export function findLayout(head: string, { tabs, whole }: { tabs: boolean; whole: boolean }): TableLayout {
  const returns = /\r\n|\n|\r/.exec(head.replaceAll(/"[^"]*"/g, ''))?.[0] === '\r' && !head.includes('\r\n')
  const withComments = findPreamble(head, returns)
  const found = findDelimiter(head, withComments, { tabs, whole, returns })
  const isTable = found.width > 1 || found.known
  // "#" begins a comment only before a table: in a list of lines it is text.
  if (isTable || withComments.comments === 0) return found
  const { characters, lines } = findPreamble(head, returns, false)
  return findDelimiter(head, { ...withComments, characters, lines, comments: 0 }, { tabs, whole, returns })
}

interface Preamble {
  readonly characters: number
  readonly lines: number
  readonly comments: number
  readonly delimiter: string | undefined
}

/** Blank lines, comments and Excel's `sep=;` before the first row. */
function findPreamble(head: string, returns: boolean, comments = true): Preamble {
  const ends = returns ? /\r\n?|\n/g : /\r?\n/g
  const skipped = { characters: 0, lines: 0, comments: 0 }
  let delimiter: string | undefined
  for (let end = ends.exec(head); end; end = ends.exec(head)) {
    const line = head.slice(skipped.characters, end.index).trim()
    const sep = skipped.lines === 0 ? /^"?sep=(.|\\t|)"?$/i.exec(line) : null
    const isComment = comments && line.startsWith('#') && !isKnownForm(splitHeader(line.slice(1)))
    if (line !== '' && !sep && !isComment) break
    if (sep?.[1] !== undefined) delimiter = sep[1] === '\\t' || sep[1] === '' ? '\t' : sep[1]
    if (isComment) skipped.comments += 1
    skipped.lines += 1
    skipped.characters = end.index + end[0].length
  }
  return { ...skipped, delimiter }
}

/** The cells of a comment that may be a header: `#prompt,answer`. A single word is a comment. */
const splitHeader = (line: string): string[] => {
  const cells = line.split(/[,;\t|]/)
  return cells.length > 1 ? cells : []
}

function findDelimiter(
  head: string,
  skip: Preamble,
  { tabs, whole, returns }: { tabs: boolean; whole: boolean; returns: boolean },
): TableLayout {
  const body = head.slice(skip.characters)
  const candidates =
    skip.delimiter !== undefined ? [skip.delimiter] : tabs && body.includes('\t') ? ['\t'] : DELIMITERS
  const layouts = candidates.map((delimiter) => {
    const rows = readSample(body, delimiter, { whole, returns })
    const first = rows[0]?.cells ?? []
    const width = commonWidth(rows)
    const known = isKnownForm(namesOf(first))
    return { delimiter, rows, first, known, ...width }
  })
  const known = layouts
    .filter((layout) => layout.known && layout.first.length > 1)
    .toSorted((a, b) => b.first.length - a.first.length)[0]
  const regular = layouts
    .filter((layout) => layout.width > 1 && (layout.share >= 0.8 || candidates.length === 1))
    .toSorted((a, b) => b.share - a.share || b.width - a.width)[0]
  const lone = layouts.find((layout) => layout.known)
  const best = known ?? (lone === undefined ? regular : undefined)
  const { characters, lines, comments } = skip
  const shared = { returns, skip: { characters, lines, comments } }
  if (best === undefined) {
    const only = lone ?? layouts[0]
    const rows = (only?.rows ?? []).map(({ cells, raw }) => [cells.length > 1 ? raw : (cells[0] ?? '')])
    const header = lone !== undefined || looksLikeHeader(rows)
    const delimiter = only?.delimiter ?? ','
    return { ...shared, delimiter, header, known: lone !== undefined, width: 1, rows }
  }
  const rows = best.rows.map(({ cells }) => cells)
  const header = best.known || looksLikeHeader(rows)
  const width = header ? best.first.length : best.width
  return { ...shared, delimiter: best.delimiter, header, known: best.known, width, rows }
}

/**
 * True for text without a file name that is certainly a table: every line has the same number of tabs, or a header of names, one
 * of which is a known word, is followed by rows of as many cells.
 */
export function looksLikeTable(text: string): boolean {
  const head = text.slice(0, HEAD_CHARACTERS)
  const layout = findLayout(head, { tabs: false, whole: head.length === text.length })
  if (layout.width < 2 || layout.rows.length < 2) return false
  const regular = layout.rows.every((cells) => cells.length === layout.width)
  if (layout.delimiter === '\t') return regular
  const names = layout.rows[0] ?? []
  return (
    layout.header &&
    regular &&
    names.every((name) => /^[\p{L}_][\p{L}\p{N}_ -]*$/u.test(name)) &&
    names.some((name) => hintOf(name) !== undefined)
  )
}

/** The names in a header's cells; `#` before the first one is no part of it. */
export const namesOf = (cells: readonly string[]): string[] =>
  cells.map((cell, i) => (i === 0 && cells.length > 1 ? cell.trim().replace(/^#\s*/, '') : cell.trim()))

function readSample(
  body: string,
  delimiter: string,
  { whole, returns }: { whole: boolean; returns: boolean },
): CellRow[] {
  const reader = new CellReader({ delimiter, lenient: delimiter === '\t', returns, line: 1 })
  return reader
    .push(body, whole)
    .filter(({ cells, malformed }) => !malformed && cells.some((cell) => cell.trim() !== ''))
    .slice(0, SAMPLE_ROWS)
}

/** The most frequent number of cells, and the share of rows that have it. */
function commonWidth(rows: readonly CellRow[]): { width: number; share: number } {
  const counts = new Map<number, number>()
  for (const { cells } of rows) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1)
  const [width, count] = [...counts].toSorted((a, b) => b[1] - a[1] || b[0] - a[0])[0] ?? [1, 0]
  return { width, share: rows.length === 0 ? 0 : count / rows.length }
}

/** Short names, all different, none a number or a sentence; in a single column, one word above lines of several. */
function looksLikeHeader(rows: readonly (readonly string[])[]): boolean {
  const [first, ...others] = rows
  if (first === undefined) return false
  const cells = namesOf(first)
  const isName = (cell: string): boolean =>
    cell.length <= 60 && /^[\p{L}_][^.?!;:"]*$/u.test(cell) && cell.split(/\s+/).length <= 4
  if (cells.length === 1)
    return (
      others.length > 0 &&
      /^[\p{L}_][\p{L}\p{N}_-]{0,40}$/u.test(cells[0] ?? '') &&
      others.filter((row) => /\S\s+\S/.test(row[0] ?? '')).length > others.length / 2
    )
  const filled = cells.filter((cell) => cell !== '')
  if (filled.length === 0 || !filled.every(isName) || new Set(filled).size < filled.length) return false
  if (filled.some((cell) => hintOf(cell) !== undefined)) return true
  // Names are shorter than what is below them, or of another kind: words above numbers.
  return cells.some((cell, i) => {
    const below = others.map((row) => (row[i] ?? '').trim()).filter((text) => text !== '')
    return (
      below.length > 0 &&
      (below.every((text) => /^[-+]?[\d.,]+$/.test(text)) ||
        (!/\s/.test(cell) && below.filter((text) => /\s/.test(text)).length > below.length / 2))
    )
  })
}
