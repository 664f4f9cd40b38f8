// Knows: seeds as plain text, one per line; blank lines are skipped.
import { LineSplitter, tooLongSentence, type Line } from './lines.ts'
import type { RawRow, RowReader } from './row-reader.ts'

export class TextReader implements RowReader {
  readonly #lines = new LineSplitter()

  push(text: string): RawRow[] {
    return readLines(this.#lines.push(text))
  }

  end(whole: boolean): RawRow[] {
    return whole ? readLines(this.#lines.end()) : []
  }
}

const readLines = (lines: readonly Line[]): RawRow[] =>
  lines.flatMap((line): RawRow[] =>
    'tooLong' in line
      ? [{ line: line.line, sentence: tooLongSentence }]
      : line.text.trim() === ''
        ? []
        : [line],
  )
