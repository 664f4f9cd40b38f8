// Knows: how a system prompt, the messages before a prompt, and the prompt are one conversation.
// Must not know: chat templates (engine/tokenizers), how a conversation is read from a file (pipeline/seeds).
import type { ChatMessage } from './completion-request.ts'
import { hashOf } from './hash.ts'

export interface ConversationParts {
  /** Empty: none. */
  readonly system: string
  readonly earlier?: readonly ChatMessage[] | undefined
  readonly prompt: string
}

/** The system prompt that goes before these messages: none if they begin with a system message, which takes its place. */
export const findSystem = (system: string, earlier: readonly ChatMessage[] = []): string =>
  earlier[0]?.role === 'system' ? '' : system

/** All messages up to the prompt, which is the last one and the user's. */
export const writeConversation = ({ system, earlier = [], prompt }: ConversationParts): ChatMessage[] => {
  const own = findSystem(system, earlier)
  return [
    ...(own === '' ? [] : [{ role: 'system' as const, content: own }]),
    ...earlier,
    { role: 'user', content: prompt },
  ]
}

/** The messages as plain values, for hashes. */
export const valuesOf = (messages: readonly ChatMessage[]): (readonly [string, string])[] =>
  messages.map(({ role, content }) => [role, content])

/** A hash of the conversation; without earlier messages it is that of the text alone, as in versions that had none. */
export const hashConversation = (text: string, earlier: readonly ChatMessage[] = []): string =>
  hashOf(earlier.length === 0 ? text : [text, valuesOf(earlier)])
