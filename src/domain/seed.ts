// Knows: a seed: a human example that prompts are grown from.
// Must not know: files and their formats (pipeline/seeds reads those).
import { contentId, type ProjectId, type SeedId } from './id.ts'
import { accept, refuse, type Checked } from './problem.ts'

export interface Seed {
  readonly projectId: ProjectId
  readonly id: SeedId
  /** The task: instruction and input joined by a blank line. */
  readonly text: string
  /** The answer that a person wrote, if the file has one. */
  readonly answer?: string
  /** File it came from, or `typed`. */
  readonly source: string
  /** Line (or row) in the source, from 1. */
  readonly line: number
  /** Milliseconds since 1970. */
  readonly addedAt: number
}

export const SEED_TEXT_LIMIT = 8_000

/** A seed, or the reason why this text cannot be one. Equal texts in one project are one seed. */
export function parseSeed(input: {
  projectId: ProjectId
  text: string
  answer?: string | undefined
  source: string
  line: number
  addedAt: number
}): Checked<Seed> {
  const text = input.text.trim()
  const where = { line: input.line }
  if (text === '') return refuse({ ...where, sentence: 'The seed is empty.' })
  if (text.length > SEED_TEXT_LIMIT)
    return refuse({
      ...where,
      sentence: `The seed has ${text.length} characters; the limit is ${SEED_TEXT_LIMIT}. Shorten it or split it.`,
    })
  if (text.includes('\uFFFD') || text.includes('\0'))
    return refuse({
      ...where,
      sentence: 'The seed contains bytes that are not UTF-8 text. Save the file as UTF-8 and add it again.',
    })
  const answer = input.answer?.trim()
  return accept({
    projectId: input.projectId,
    id: seedId(text),
    text,
    ...(answer ? { answer } : {}),
    source: input.source,
    line: input.line,
    addedAt: input.addedAt,
  })
}

/** A seed's id depends on its text alone. */
export const seedId = (text: string): SeedId => contentId('seed', text)
