// Knows: seeds as JSON lines, read in pieces.
import { JsonLines } from './json-lines.ts'
import { LineSplitter, type Line } from './lines.ts'
import { RecordRows } from './record-rows.ts'
import { decideAlone, HEAD_CHARACTERS, type Decide, type RawRow, type RowReader } from './row-reader.ts'

export class JsonlReader implements RowReader {
  readonly #lines = new LineSplitter()
  readonly #values = new JsonLines()
  readonly #rows: RecordRows
  #read = 0

  constructor(decide: Decide = decideAlone) {
    this.#rows = new RecordRows(decide)
  }

  push(text: string): RawRow[] {
    return this.#take(this.#lines.push(text))
  }

  end(whole: boolean): RawRow[] {
    const rows = whole ? this.#take(this.#lines.end()) : []
    const open = this.#rows.add(this.#values.end())
    return [...rows, ...this.#rows.decide(), ...open]
  }

  /** Columns are decided from a number of whole lines, however the text came in pieces. */
  #take(lines: readonly Line[]): RawRow[] {
    return lines.flatMap((line) => {
      const rows = this.#rows.add(this.#values.push(line))
      this.#read += 'text' in line ? line.text.length : HEAD_CHARACTERS
      return this.#read < HEAD_CHARACTERS ? rows : [...this.#rows.decide(), ...rows]
    })
  }
}
