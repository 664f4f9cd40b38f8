// Knows: a seed: a human example that prompts are grown from.
// Must not know: files and their formats (pipeline/seeds reads those).
import type { ChatMessage } from './completion-request.ts'
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
export const MAX_SEED_FIELDS = 20
export const SEED_FIELD_LIMIT = 2_000

/** A seed, or the reason why this text cannot be one. Equal texts in one project are one seed. Half characters become U+FFFD. */
export function parseSeed(input: {
  projectId: ProjectId
  text: string
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
  const answer = input.answer === undefined ? undefined : toWellFormed(input.answer).trim()
  const fields = Object.entries(input.fields ?? {}).slice(0, MAX_SEED_FIELDS)
  return accept({
    projectId: input.projectId,
    id: seedId(text),
    text,
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

/** A seed's id depends on its text alone. */
export const seedId = (text: string): SeedId => contentId('seed', text)

/** Lone surrogates as U+FFFD: text that has them cannot be sent or written as UTF-8. */
const toWellFormed = (text: string): string => text.replaceAll(/\p{Surrogate}/gu, '\uFFFD')
