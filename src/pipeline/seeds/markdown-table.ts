// Knows: seeds as a Markdown table, as it is pasted from a chat or a page: each line becomes a line of a delimited table.
// Must not know: which column is what (csv.ts).
import { CsvReader } from './csv.ts'
import { LineSplitter, tooLongSentence, type Line } from './lines.ts'
import type { Decide, RawRow, RowReader } from './row-reader.ts'

/** The line under the names: dashes, and colons that align a column. */
const DIVIDER = /^\s*\|?(?:\s*:?-+:?\s*\|)+\s*(?::?-+:?\s*)?$/

/** True if the text begins with a Markdown table: a line of cells, and a line of dashes with as many. */
export function isMarkdownTable(text: string): boolean {
  const [names = '', divider = ''] = text
    .slice(0, 20_000)
    .trimStart()
    .split(/\r\n|\n|\r/)
  return (
    names.includes('|') && DIVIDER.test(divider) && splitCells(names).length === splitCells(divider).length
  )
}

/** The cells between the bars; `\|` is a bar inside a cell. */
function splitCells(line: string): string[] {
  const inner = line
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '')
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll(String.raw`\|`, '|'))
}

const quote = (cell: string): string => `"${cell.replaceAll('"', '""')}"`

export class MarkdownTableReader implements RowReader {
  readonly #table: CsvReader
  readonly #splitter = new LineSplitter()

  constructor(decide: Decide) {
    this.#table = new CsvReader(false, decide)
  }

  push(text: string): RawRow[] {
    return this.#add(this.#splitter.push(text))
  }

  end(whole: boolean): RawRow[] {
    return [...this.#add(this.#splitter.end()), ...this.#table.end(whole)]
  }

  /** As many lines as before, so that problems name the right ones: the line of dashes is empty. */
  #add(lines: readonly Line[]): RawRow[] {
    const problems: RawRow[] = []
    const delimited = lines.map((line) => {
      if ('tooLong' in line) problems.push({ line: line.line, sentence: tooLongSentence })
      if ('tooLong' in line || line.text.trim() === '' || DIVIDER.test(line.text)) return '\n'
      return `${splitCells(line.text).map(quote).join(',')}\n`
    })
    return [...problems, ...this.#table.push(delimited.join(''))]
  }
}
