// Knows: a seed: a human example that prompts are grown from.
// Must not know: files and their formats (pipeline/seeds reads those).
import type { ChatMessage } from './completion-request.ts'
import { valuesOf } from './conversation.ts'
import { contentId, type ProjectId, type SeedId } from './id.ts'
import { accept, refuse, type Checked } from './problem.ts'

export interface Seed {
  readonly projectId: ProjectId
  readonly id: SeedId
  /** The task: instruction and input joined by a blank line. */
  readonly text: string
  /** The messages before `text`, if it is the last turn of a conversation: a system message, earlier turns of both sides. */
  readonly earlier?: readonly ChatMessage[]
  /** The answer that a person wrote, if the file has one. */
  readonly answer?: string
  /** Other columns that a person keeps: at most `MAX_SEED_FIELDS`, each up to `SEED_FIELD_LIMIT` characters. */
  readonly fields?: Readonly<Record<string, string>>
  /** File it came from, or `typed`. */
  readonly source: string
  /** Line (or row) in the source, from 1. */
  readonly line: number
  /** Milliseconds since 1970. */
  readonly addedAt: number
}

export const SEED_TEXT_LIMIT = 8_000
/** Max messages before a seed's text, and max characters of each. */
export const MAX_EARLIER_MESSAGES = 200
export const EARLIER_MESSAGE_LIMIT = 32_000
export const MAX_SEED_FIELDS = 20
export const SEED_FIELD_LIMIT = 2_000

/** A seed, or the reason why this text cannot be one. Equal conversations in one project are one seed. Half characters become U+FFFD. */
export function parseSeed(input: {
  projectId: ProjectId
  text: string
  earlier?: readonly ChatMessage[] | undefined
  answer?: string | undefined
  fields?: Readonly<Record<string, string>> | undefined
  source: string
  line: number
  addedAt: number
}): Checked<Seed> {
  const text = toWellFormed(input.text).trim()
  const where = { line: input.line }
  if (text === '') return refuse({ ...where, sentence: 'The seed is empty.' })
  if (text.length > SEED_TEXT_LIMIT)
    return refuse({
      ...where,
      sentence: `The seed has ${text.length} characters; the limit is ${SEED_TEXT_LIMIT}. Shorten it or split it.`,
    })
  if (text.includes('\0'))
    return refuse({
      ...where,
      sentence: 'The seed contains a zero character (U+0000). Remove it and add the seed again.',
    })
  const earlier = (input.earlier ?? []).map(({ role, content }): ChatMessage => ({
    role,
    content: toWellFormed(content).trim(),
  }))
  const wrong = findWrongMessage(earlier)
  if (wrong !== undefined) return refuse({ ...where, sentence: wrong })
  const answer = input.answer === undefined ? undefined : toWellFormed(input.answer).trim()
  const fields = Object.entries(input.fields ?? {}).slice(0, MAX_SEED_FIELDS)
  return accept({
    projectId: input.projectId,
    id: seedId(text, earlier),
    text,
    ...(earlier.length > 0 ? { earlier } : {}),
    ...(answer ? { answer } : {}),
    ...(fields.length > 0
      ? {
          fields: Object.fromEntries(
            fields.map(([name, value]) => [
              toWellFormed(name),
              toWellFormed(value.slice(0, SEED_FIELD_LIMIT)),
            ]),
          ),
        }
      : {}),
    source: input.source,
    line: input.line,
    addedAt: input.addedAt,
  })
}

/** Why these messages cannot be stored. A conversation that is too long is shortened where it is read (pipeline/seeds). */
function findWrongMessage(earlier: readonly ChatMessage[]): string | undefined {
  if (earlier.length > MAX_EARLIER_MESSAGES)
    return `The conversation has ${earlier.length} messages before the last question; the limit is ${MAX_EARLIER_MESSAGES}. Split it.`
  const long = earlier.findIndex(({ content }) => content.length > EARLIER_MESSAGE_LIMIT)
  if (long >= 0)
    return `Message ${long + 1} of the conversation has ${earlier[long]?.content.length} characters; the limit is ${EARLIER_MESSAGE_LIMIT}. Shorten it or split the conversation.`
  if (earlier.some(({ content }) => content.includes('\0')))
    return 'The conversation contains a zero character (U+0000). Remove it and add the conversation again.'
  return undefined
}

/** A seed's id depends on its text alone; if it is the last turn of a conversation, on the messages before it too. */
export const seedId = (text: string, earlier: readonly ChatMessage[] = []): SeedId =>
  contentId('seed', earlier.length === 0 ? text : [text, valuesOf(earlier)])

/** Lone surrogates as U+FFFD: text that has them cannot be sent or written as UTF-8. */
const toWellFormed = (text: string): string => text.replaceAll(/\p{Surrogate}/gu, '\uFFFD')
