// Knows: lists of messages as conversations: the last user message is the prompt, what is before it is kept, an assistant message after it
// is the answer; what cannot be kept is counted.
import type { ChatMessage, ChatRole } from '../../domain/completion-request.ts'
import { MAX_EARLIER_MESSAGES } from '../../domain/seed.ts'
import type { Note, NoteKind } from './notes.ts'
import { isBlank, isRecord, nameOf } from './values.ts'

interface Message {
  /** As written in the file, in lower case. */
  readonly sender: string
  /** Undefined for other senders, such as tools. */
  readonly role: ChatRole | undefined
  readonly text: string | undefined
  /** Parts that are not text, such as images. */
  readonly parts: number
}

export type ChatRead =
  | {
      readonly prompt: string
      readonly earlier?: readonly ChatMessage[]
      readonly answer?: string
      readonly notes: readonly Note[]
    }
  | { readonly sentence: string; readonly field: string }

const ROLES: Readonly<Record<string, ChatRole>> = {
  user: 'user',
  human: 'user',
  prompter: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  chatgpt: 'assistant',
  ai: 'assistant',
  system: 'system',
  developer: 'system',
}

/** True for a list of records of which each has a sender and a text. */
export const isChat = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((turn) => isRecord(turn) && (turn['role'] ?? turn['from']) !== undefined)

/** Messages of a list and what of them is not used; blank ones and those of other senders are left out. */
function readMessages(list: readonly unknown[]): { messages: ChatMessage[]; notes: Note[] } {
  const notes = new NoteCounts()
  const messages = list.map(readMessage).flatMap(({ sender, role, text, parts }): ChatMessage[] => {
    notes.add('part', parts)
    if (role === undefined) notes.add('other-sender', 1, sender.slice(0, 40))
    else if (isBlank(text)) notes.add('empty-message', parts > 0 ? 0 : 1)
    return role === undefined || text === undefined || isBlank(text) ? [] : [{ role, content: text }]
  })
  return { messages, notes: notes.list() }
}

/** A conversation: its prompt, the messages before it, its answer. `before` are messages in front of the list, from other fields. */
export function readChat(value: unknown, field: string, before: readonly ChatMessage[] = []): ChatRead {
  if (!Array.isArray(value))
    return { sentence: `\`${field}\` must be a list of messages, not ${nameOf(value)}.`, field }
  const { messages, notes } = readMessages(value)
  const at = messages.findLastIndex(({ role }) => role === 'user')
  const prompt = messages[at]?.content
  if (prompt === undefined) return { sentence: `\`${field}\` has no text message of the role “user”.`, field }
  const after = messages.slice(at + 1)
  const answer = after.findLast(({ role }) => role === 'assistant')?.content
  const unused = after.length - (answer === undefined ? 0 : 1)
  const own = messages.slice(0, at)
  // A list that has a system message of its own needs none from another field.
  const isDoubled = own[0]?.role === 'system' && before[0]?.role === 'system'
  const kept = keepEarlier([...(isDoubled ? before.slice(1) : before), ...own])
  return {
    prompt,
    ...(kept.earlier.length > 0 ? { earlier: kept.earlier } : {}),
    ...(answer === undefined ? {} : { answer }),
    notes: [
      ...notes,
      ...(unused > 0 ? [{ kind: 'unused-turn', amount: unused } as const] : []),
      ...(isDoubled ? [{ kind: 'second-system' } as const] : []),
      ...kept.notes,
    ],
  }
}

/** The messages before a prompt, without the first turns of a conversation that is too long: a system message stays. Notes count both. */
export function keepEarlier(messages: readonly ChatMessage[]): {
  readonly earlier: readonly ChatMessage[]
  readonly notes: readonly Note[]
} {
  const system = messages[0]?.role === 'system' ? messages.slice(0, 1) : []
  const turns = messages.slice(system.length)
  let from = Math.max(0, turns.length + system.length - MAX_EARLIER_MESSAGES)
  // What is left begins with a question, not with the answer to one that is gone.
  while (from > 0 && from < turns.length && turns[from]?.role === 'assistant') from += 1
  const earlier = [...system, ...turns.slice(from)]
  const notes = new NoteCounts()
  notes.add('system-message', earlier.filter(({ role }) => role === 'system').length)
  notes.add('earlier-turn', earlier.filter(({ role }) => role !== 'system').length)
  notes.add('cut-turn', from)
  return { earlier, notes: notes.list() }
}

/**
 * The messages in a field such as `history`: a list of messages, LLaMA-Factory's list of [question, answer], or either as JSON in a text.
 * Undefined if it is none of these.
 */
export function readHistory(value: unknown): { messages: ChatMessage[]; notes: Note[] } | undefined {
  const list = typeof value === 'string' ? parseList(value) : value
  if (!Array.isArray(list)) return undefined
  if (list.length === 0) return { messages: [], notes: [] }
  if (isChat(list)) return readMessages(list)
  const pairs: ChatMessage[] = []
  for (const pair of list) {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined
    const [question, answer]: readonly unknown[] = pair
    if (typeof question !== 'string' || typeof answer !== 'string') return undefined
    if (!isBlank(question)) pairs.push({ role: 'user', content: question })
    if (!isBlank(answer)) pairs.push({ role: 'assistant', content: answer })
  }
  return { messages: pairs, notes: [] }
}

function parseList(text: string): unknown {
  if (!text.trimStart().startsWith('[')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

class NoteCounts {
  readonly #counts = new Map<string, Note & { amount: number }>()

  add(kind: NoteKind, amount: number, name?: string): void {
    if (amount === 0) return
    const key = `${kind} ${name ?? ''}`
    const before = this.#counts.get(key)?.amount ?? 0
    this.#counts.set(key, { kind, amount: before + amount, ...(name === undefined ? {} : { name }) })
  }

  list(): Note[] {
    return [...this.#counts.values()]
  }
}

function readMessage(turn: unknown): Message {
  if (!isRecord(turn)) return { sender: '', role: undefined, text: undefined, parts: 0 }
  const from = turn['role'] ?? turn['from']
  const sender = typeof from === 'string' ? from.trim().toLowerCase() : ''
  const content = turn['content'] ?? turn['value'] ?? turn['text']
  const role = Object.hasOwn(ROLES, sender) ? ROLES[sender] : undefined
  if (!Array.isArray(content))
    return { sender, role, text: typeof content === 'string' ? content : undefined, parts: 0 }
  const texts = content.flatMap((part: unknown) =>
    typeof part === 'string'
      ? [part]
      : isRecord(part) && typeof part['text'] === 'string'
        ? [part['text']]
        : [],
  )
  return {
    sender,
    role,
    text: texts.length > 0 ? texts.join('\n') : undefined,
    parts: content.length - texts.length,
  }
}
