// Knows: how many seeds are conversations, and the system message that all of them share.
// Must not know: where seeds are stored.
import type { ChatMessage } from '../../domain/completion-request.ts'

export interface SeedConversations {
  readonly seeds: number
  /** What is counted, if it is not seeds but prompts of an earlier grow step. */
  readonly of?: 'prompt'
  /** Seeds with earlier turns of the user or the assistant. */
  readonly withTurns: number
  /** Seeds with a system message. */
  readonly withSystem: number
  /** The system message that every one of them has, the same one. */
  readonly system?: string
}

/** Counted one seed at a time, so that any number can be read. */
export class ConversationCounter {
  #seeds = 0
  #withTurns = 0
  #withSystem = 0
  #system: string | undefined
  #differs = false

  add({ earlier = [] }: { readonly earlier?: readonly ChatMessage[] | undefined }): void {
    this.#seeds += 1
    if (earlier.some(({ role }) => role !== 'system')) this.#withTurns += 1
    const system = systemOf(earlier)
    if (system !== undefined) this.#withSystem += 1
    if (this.#seeds === 1) this.#system = system
    else if (system !== this.#system) this.#differs = true
  }

  get counts(): SeedConversations {
    return {
      seeds: this.#seeds,
      withTurns: this.#withTurns,
      withSystem: this.#withSystem,
      ...(this.#system === undefined || this.#differs ? {} : { system: this.#system }),
    }
  }
}

export function countConversations(
  seeds: Iterable<{ readonly earlier?: readonly ChatMessage[] | undefined }>,
): SeedConversations {
  const counter = new ConversationCounter()
  for (const seed of seeds) counter.add(seed)
  return counter.counts
}

/** All system messages of a conversation as one text. */
const systemOf = (earlier: readonly ChatMessage[]): string | undefined => {
  const texts = earlier.filter(({ role }) => role === 'system').map(({ content }) => content)
  return texts.length === 0 ? undefined : texts.join('\n\n')
}
