// Knows: lists of messages: the first user message and its answer are read, the others are counted.
import type { Note, NoteKind } from './notes.ts'
import { isBlank, isRecord, nameOf } from './values.ts'

interface Message {
  readonly role: string
  readonly text: string | undefined
  /** Parts that are not text, such as images. */
  readonly parts: number
}

export type ChatRead =
  | { readonly prompt: string; readonly answer?: string; readonly notes: readonly Note[] }
  | { readonly sentence: string; readonly field: string }

const ROLES: Readonly<Record<string, string>> = {
  human: 'user',
  prompter: 'user',
  gpt: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  chatgpt: 'assistant',
  developer: 'system',
}

/** True for a list of records of which each has a sender and a text. */
export const isChat = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((turn) => isRecord(turn) && (turn['role'] ?? turn['from']) !== undefined)

/** The first user message of a chat, and the assistant message after it. */
export function readChat(value: unknown, field: string): ChatRead {
  if (!Array.isArray(value))
    return { sentence: `\`${field}\` must be a list of messages, not ${nameOf(value)}.`, field }
  const messages = value.map(readMessage)
  const at = messages.findIndex(({ role, text }) => role === 'user' && !isBlank(text))
  const prompt = messages[at]?.text
  if (prompt === undefined) return { sentence: `\`${field}\` has no text message of the role “user”.`, field }
  const next = messages[at + 1]
  const answer = next?.role === 'assistant' && !isBlank(next.text) ? next.text : undefined
  const counts = new Map<NoteKind, number>()
  const count = (kind: NoteKind, amount: number): void => {
    if (amount > 0) counts.set(kind, (counts.get(kind) ?? 0) + amount)
  }
  messages.forEach((message, i) => {
    const used = i === at || (i === at + 1 && answer !== undefined)
    if (used) count('part', message.parts)
    else count(message.role === 'system' ? 'system-message' : i < at ? 'earlier-turn' : 'later-turn', 1)
  })
  const notes = [...counts].map(([kind, amount]): Note => ({ kind, amount }))
  return answer === undefined ? { prompt, notes } : { prompt, answer, notes }
}

function readMessage(turn: unknown): Message {
  if (!isRecord(turn)) return { role: '', text: undefined, parts: 0 }
  const sender = turn['role'] ?? turn['from']
  const role = typeof sender === 'string' ? sender.toLowerCase() : ''
  const content = turn['content'] ?? turn['value'] ?? turn['text']
  const known = Object.hasOwn(ROLES, role) ? (ROLES[role] ?? role) : role
  if (!Array.isArray(content))
    return { role: known, text: typeof content === 'string' ? content : undefined, parts: 0 }
  const texts = content.flatMap((part: unknown) =>
    typeof part === 'string'
      ? [part]
      : isRecord(part) && typeof part['text'] === 'string'
        ? [part['text']]
        : [],
  )
  return {
    role: known,
    text: texts.length > 0 ? texts.join('\n') : undefined,
    parts: content.length - texts.length,
  }
}
