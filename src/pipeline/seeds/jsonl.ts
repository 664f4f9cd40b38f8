// Knows: seeds as JSON lines, one record per line.
import { LineSplitter, tooLongSentence, type Line } from './lines.ts'
import { readRecord } from './record.ts'
import type { RawRow, RowReader } from './row-reader.ts'

export class JsonlReader implements RowReader {
  readonly #lines = new LineSplitter()

  push(text: string): RawRow[] {
    return this.#lines.push(text).flatMap(readLine)
  }

  end(whole: boolean): RawRow[] {
    return whole ? this.#lines.end().flatMap(readLine) : []
  }
}

function readLine(line: Line): RawRow[] {
  if ('tooLong' in line) return [{ line: line.line, sentence: tooLongSentence }]
  const text = line.text.trim()
  if (text === '') return []
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const cut = /^[[{]/.test(text) && !/[\]}],?$/.test(text)
    return [
      {
        line: line.line,
        sentence: cut
          ? 'The line begins as JSON but ends in the middle. Is the file complete?'
          : 'The line is not JSON. In a JSONL file every line is one record, such as {"prompt": "…"}.',
      },
    ]
  }
  return [{ line: line.line, ...readRecord(value) }]
}
