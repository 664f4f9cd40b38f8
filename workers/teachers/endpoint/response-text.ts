// Knows: how a streamed answer becomes a response and its reasoning, and where the response stops.
// Must not know: how reasoning is marked (src/pipeline/reasoning), tokens, servers.
import { MAX_MARK, mayEndReasoning, splitReasoning } from '../../../src/pipeline/reasoning/split-reasoning.ts'
import { StopCut } from './stop.ts'
import { dropCutCharacter, toWellFormed } from './well-formed.ts'

export interface FinishedText {
  readonly text: string
  /** Where the response begins in the content that was sent. */
  readonly begin: number
  readonly reasoning?: string
  readonly unfinished?: true
}

/** How often an answer inside its reasoning is divided before its end: each time costs its whole length. */
const MAX_DIVISIONS = 50

export class ResponseText {
  readonly #opened: boolean
  readonly #cut: StopCut
  /** Content before it is known where the response begins. */
  #undecided: string[] = []
  #isDecided = false
  #isReasoning = false
  /** The last characters, in which a closing mark may have begun. */
  #end = ''
  #content: string[] = []
  #begin = 0
  #marked: string | undefined
  #separate: string[] = []
  #divisions = 0
  #length = 0

  /** Stop texts count in the response only. `opened`: the prompt ends inside the reasoning, and the content begins there. */
  constructor(stops: readonly string[], opened: boolean) {
    this.#opened = opened
    this.#cut = new StopCut(stops)
  }

  /** Whether a stop text was found. */
  get stopped(): boolean {
    return this.#cut.stopped
  }
  /** Characters of the whole answer, with its reasoning. */
  get length(): number {
    return this.#length
  }
  /** The response that can be shown so far. */
  get shown(): string {
    return this.#cut.shown
  }

  /** Reasoning that the server itself separated. */
  addReasoning(piece: string): void {
    if (piece === '') return
    this.#separate.push(piece)
    this.#length += piece.length
  }

  add(piece: string): void {
    if (piece === '' || this.#cut.stopped) return
    this.#length += piece.length
    this.#content.push(piece)
    if (this.#isDecided) return this.#cut.add(piece)
    this.#undecided.push(piece)
    const end = this.#end + piece
    this.#end = end.slice(-MAX_MARK)
    const mayDecide = this.#isReasoning ? mayEndReasoning(end) : piece.trim() !== ''
    if (mayDecide && this.#divisions < MAX_DIVISIONS) this.#divide()
  }

  /** The whole answer. `wasCut`: it ended at the max tokens, which may split a character. */
  finish(wasCut: boolean): FinishedText {
    const found = this.#cut.stopped
      ? { text: this.#cut.text, begin: this.#begin, reasoning: this.#marked }
      : splitReasoning(this.#content.join(''), { opened: this.#isOpened })
    if (!this.#isDecided && !this.#cut.stopped) this.#cut.add(found.text)
    const clean = wasCut && !this.#cut.stopped ? dropCutCharacter : toWellFormed
    const separate = this.#separate.join('').trim()
    const reasoning = clean([separate, found.reasoning ?? ''].filter((part) => part !== '').join('\n\n'))
    const unfinished =
      ('unfinished' in found && found.unfinished === true) ||
      (separate !== '' && found.text.trim() === '' && !this.#cut.stopped)
    return {
      text: unfinished ? '' : clean(this.#cut.stopped ? this.#cut.text : found.text),
      begin: found.begin,
      ...(reasoning === '' ? {} : { reasoning }),
      ...(unfinished ? { unfinished } : {}),
    }
  }

  get #isOpened(): boolean {
    return this.#opened && this.#separate.length === 0
  }

  #divide(): void {
    const whole = this.#undecided.join('')
    this.#undecided = [whole]
    this.#divisions += 1
    const { text, begin, reasoning, unfinished } = splitReasoning(whole, {
      opened: this.#isOpened,
      partial: true,
    })
    this.#isReasoning = unfinished === true
    this.#marked = reasoning
    if (text === '') return
    this.#isDecided = true
    this.#begin = begin
    this.#undecided = []
    this.#cut.add(text)
  }
}
