// Knows: seeds as plain text, one per line; blank lines are skipped, and the marks of a list are taken off.
import { LineSplitter, tooLongSentence, type Line } from './lines.ts'
import { isList, removeMark } from './list-marks.ts'
import { HEAD_CHARACTERS, type RawRow, type RowReader } from './row-reader.ts'

export class TextReader implements RowReader {
  readonly #lines = new LineSplitter()
  /** Lines from which it is decided whether the text is a list; `undefined` when that is done. */
  #held: Line[] | undefined = []
  #heldLength = 0
  #isList = false

  push(text: string): RawRow[] {
    return this.#take(this.#lines.push(text))
  }

  end(whole: boolean): RawRow[] {
    return [...(whole ? this.#take(this.#lines.end()) : []), ...this.#decide()]
  }

  #take(lines: readonly Line[]): RawRow[] {
    return lines.flatMap((line) => {
      if (!this.#held) return this.#read(line)
      this.#held.push(line)
      this.#heldLength += 'text' in line ? line.text.length : HEAD_CHARACTERS
      return this.#heldLength < HEAD_CHARACTERS ? [] : this.#decide()
    })
  }

  #decide(): RawRow[] {
    const held = this.#held ?? []
    this.#held = undefined
    const texts = held.flatMap((line) => ('text' in line && line.text.trim() !== '' ? [line.text] : []))
    if (texts.length > 0) this.#isList = isList(texts)
    return held.flatMap((line) => this.#read(line))
  }

  #read(line: Line): RawRow[] {
    if ('tooLong' in line) return [{ line: line.line, sentence: tooLongSentence }]
    if (line.text.trim() === '') return []
    const item = this.#isList ? removeMark(line.text) : undefined
    return item === undefined ? [line] : [{ line: line.line, text: item, notes: [{ kind: 'list-mark' }] }]
  }
}
