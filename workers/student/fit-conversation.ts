// Knows: how a conversation that is too long for the context loses its first turns, as few as possible, and how that is reported.
// Must not know: how rows become tokens.
import type { ChatMessageText } from '../../src/engine/tokenizers/text-tokenizer.ts'

interface Conversation {
  readonly earlier?: readonly ChatMessageText[]
}

/**
 * The row, or the row without its first turns, as few as `fits` needs; without any if it does not fit even then. A turn is a message of the
 * user with what follows it. A system message at the beginning stays. `fits` must hold for all shorter conversations if it holds for one.
 */
export function fitConversation<Row extends Conversation>(row: Row, fits: (row: Row) => boolean): Row {
  const { earlier = [] } = row
  if (earlier.length === 0 || fits(row)) return row
  const system = earlier[0]?.role === 'system' ? earlier.slice(0, 1) : []
  const starts = earlier.flatMap(({ role }, i) => (role === 'user' && i > system.length ? [i] : []))
  const cutAt = (start: number | undefined): Row => ({
    ...row,
    earlier: [...system, ...(start === undefined ? [] : earlier.slice(start))],
  })
  let [low, high] = [0, starts.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (fits(cutAt(starts[middle]))) high = middle
    else low = middle + 1
  }
  return cutAt(starts[low])
}

/** Counts conversations that were cut, and rows that a chat template refuses. */
export class ConversationCounts {
  #cut = 0
  #unmarked = 0
  #refused = 0
  #sentence = ''

  /** `fitted` is what `fitConversation` made of `row`. */
  addFitted<Row extends object>(row: Row, fitted: Row): void {
    if (row !== fitted) this.#cut += 1
  }

  addUnmarked(answers: number): void {
    this.#unmarked += answers
  }

  /** What `render` returns; undefined, and counted, if a chat template refuses a conversation of several turns. */
  tryRender<T>({ earlier = [] }: Conversation, render: () => T): T | undefined {
    try {
      return render()
    } catch (thrown) {
      // A template that refuses a plain prompt refuses every row: that is no matter of this row.
      if (earlier.length === 0 || !(thrown instanceof Error) || thrown instanceof RangeError) throw thrown
      this.#refused += 1
      this.#sentence ||= thrown.message
      return undefined
    }
  }

  /** The sentences about them. `context` in tokens. */
  notes(context: number): string[] {
    const of = (n: number, noun: string): string => `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`
    return [
      ...(this.#cut > 0
        ? [
            `${of(this.#cut, 'conversation')} did not fit a context of ${context} tokens and lost ${this.#cut === 1 ? 'its' : 'their'} first turns.`,
          ]
        : []),
      ...(this.#unmarked > 0
        ? [
            `${of(this.#unmarked, 'earlier answer')} ${this.#unmarked === 1 ? 'is' : 'are'} context only: the chat template writes ${this.#unmarked === 1 ? 'it' : 'them'} otherwise than a new answer.`,
          ]
        : []),
      ...(this.#refused > 0
        ? [
            `The chat template refuses ${of(this.#refused, 'conversation')}, which ${this.#refused === 1 ? 'was' : 'were'} left out: ${this.#sentence}`,
          ]
        : []),
    ]
  }
}
