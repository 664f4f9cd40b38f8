// Knows: how text in pieces becomes lines, with any line end (\n, \r\n, \r) and a limit on their length.
import { LINE_LIMIT } from './row-reader.ts'

export type Line =
  | { readonly line: number; readonly text: string }
  | { readonly line: number; readonly tooLong: true }

export class LineSplitter {
  #rest = ''
  #line = 0
  /** The previous piece ended in \r: a \n that follows belongs to it. */
  #afterReturn = false
  /** The current line is longer than the limit: skip to its end. */
  #skipping = false

  push(piece: string): Line[] {
    let text = piece
    if (this.#afterReturn && text.startsWith('\n')) text = text.slice(1)
    if (piece !== '') this.#afterReturn = text.endsWith('\r')
    const parts = text.split(/\r\n|\n|\r/)
    const open = parts.pop() ?? ''
    const lines = parts.map((part, i) => this.#finish(i === 0 ? this.#rest + part : part))
    this.#rest = parts.length > 0 ? open : this.#rest + open
    if (this.#rest.length > LINE_LIMIT) {
      this.#skipping = true
      this.#rest = ''
    }
    return lines
  }

  /** The last line, if it has no line end. */
  end(): Line[] {
    if (this.#rest === '' && !this.#skipping) return []
    const last = this.#finish(this.#rest)
    this.#rest = ''
    return [last]
  }

  #finish(text: string): Line {
    this.#line += 1
    const tooLong = this.#skipping || text.length > LINE_LIMIT
    this.#skipping = false
    return tooLong ? { line: this.#line, tooLong: true } : { line: this.#line, text }
  }
}

export const tooLongSentence = `The line has more than ${LINE_LIMIT.toLocaleString('en')} characters and was skipped. Is this the right file?`
