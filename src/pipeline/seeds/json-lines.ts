// Knows: JSON values in lines: one per line, a list over several lines, records printed over several lines, commas between them.
// Must not know: what the values are for.
import { tooLongSentence, type Line } from './lines.ts'
import { LINE_LIMIT } from './row-reader.ts'

/** A value with the line it begins on, or why there is none. */
export type JsonItem =
  | { readonly line: number; readonly value: unknown }
  | { readonly line: number; readonly sentence: string }

const CUT = 'The line begins as JSON but ends in the middle. Is the file complete?'
const NOT_JSON = 'The line is not JSON. In a JSONL file every line is one record, such as {"prompt": "…"}.'

type TextLine = { readonly line: number; readonly text: string }

/** A value that is not complete yet. */
interface Pending {
  readonly lines: TextLine[]
  readonly nesting: Nesting
  length: number
}

export class JsonLines {
  #pending: Pending | undefined
  /** Line of the “[” around all records, while it is open. */
  #list: number | undefined
  #any = false

  push(line: Line): JsonItem[] {
    const items =
      'tooLong' in line ? this.#skip(line.line) : this.#take({ line: line.line, text: line.text.trim() })
    this.#any ||= items.length > 0
    return items
  }

  /** Errors of what is still open. */
  end(): JsonItem[] {
    const items = this.#fail(CUT)
    if (this.#list !== undefined)
      items.push({
        line: this.#list,
        sentence:
          'The list that begins here is not closed: the file ends in the middle. What it has was read.',
      })
    return items
  }

  #skip(line: number): JsonItem[] {
    return [...this.#fail(CUT), { line, sentence: tooLongSentence }]
  }

  #take(line: TextLine): JsonItem[] {
    if (line.text === '') return []
    return this.#pending ? this.#continue(this.#pending, line) : this.#start(line)
  }

  #start({ line, text }: TextLine): JsonItem[] {
    if (this.#list !== undefined && (text === ']' || text === '],')) {
      this.#list = undefined
      return []
    }
    const isOpener = this.#list === undefined && !this.#any
    if (isOpener && text === '[') {
      this.#list = line
      return []
    }
    const body =
      text.endsWith(',') && (this.#list !== undefined || text.endsWith('},')) ? text.slice(0, -1) : text
    const parsed = parse(body)
    if (parsed) return [{ line, value: parsed.value }]
    if (isOpener && text.startsWith('[') && text.endsWith(',')) {
      this.#list = line
      return this.#take({ line, text: text.slice(1).trim() })
    }
    if (this.#list !== undefined && text.endsWith(']')) {
      const last = parse(text.slice(0, -1))
      if (last) {
        this.#list = undefined
        return [{ line, value: last.value }]
      }
    }
    const nesting = new Nesting()
    nesting.read(text)
    if (!nesting.canContinue) return [{ line, sentence: isCut(text) ? CUT : NOT_JSON }]
    this.#pending = { lines: [{ line, text }], nesting, length: text.length }
    return []
  }

  #continue(pending: Pending, line: TextLine): JsonItem[] {
    // A record cannot begin where a record needs a name: the earlier one was cut off.
    if (pending.nesting.needsName && line.text.startsWith('{'))
      return [...this.#fail(CUT), ...this.#take(line)]
    pending.lines.push(line)
    pending.length += line.text.length
    pending.nesting.read(line.text)
    if (pending.nesting.canContinue && pending.length <= LINE_LIMIT) return []
    const parsed = pending.nesting.depth === 0 ? parse(joinLines(pending.lines)) : undefined
    if (!parsed) return this.#fail(pending.nesting.depth === 0 ? NOT_JSON : CUT)
    this.#pending = undefined
    return [{ line: pending.lines[0]?.line ?? line.line, value: parsed.value }]
  }

  /** Gives up the open value; lines within it that are records of their own are read. */
  #fail(sentence: string): JsonItem[] {
    const [first, ...others] = this.#pending?.lines ?? []
    this.#pending = undefined
    if (first === undefined) return []
    return [
      { line: first.line, sentence },
      ...others.flatMap(({ line, text }): JsonItem[] => {
        const parsed = text.startsWith('{') ? parse(text.replace(/,$/, '')) : undefined
        return parsed ? [{ line, value: parsed.value }] : []
      }),
    ]
  }
}

const joinLines = (lines: readonly TextLine[]): string =>
  lines
    .map(({ text }) => text)
    .join('\n')
    .replace(/,$/, '')

/** A line that ends before its brackets do, as at the end of a file that was cut off. */
const isCut = (text: string): boolean => /^[[{]/.test(text) && !/[\]}],?$/.test(text)

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return { value }
  } catch {
    return undefined
  }
}

/** The brackets that are open after some lines of JSON. */
class Nesting {
  readonly #open: string[] = []
  #last = ''
  #inString = false
  #wrong = false

  get depth(): number {
    return this.#wrong ? -1 : this.#open.length
  }
  /** More lines may complete the value. A string that is open at a line's end cannot be completed. */
  get canContinue(): boolean {
    return !this.#wrong && !this.#inString && this.#open.length > 0
  }
  get needsName(): boolean {
    return this.#open.at(-1) === '{' && this.#last !== ':'
  }

  read(line: string): void {
    for (let i = 0; i < line.length && !this.#wrong; i++) {
      const letter = line[i] ?? ''
      if (this.#inString) {
        if (letter === '\\') i += 1
        else if (letter === '"') this.#inString = false
      } else if (letter === '"') this.#inString = true
      else if (letter === '{' || letter === '[') this.#open.push(letter)
      else if (letter === '}' || letter === ']')
        this.#wrong = this.#open.pop() !== (letter === '}' ? '{' : '[')
      if (letter.trim() !== '') this.#last = letter
    }
  }
}
