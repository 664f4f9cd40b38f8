// Knows: the chats that ask a judge, versioned with the rubrics. What all rows share stands first, the row's own text last, so that
// the shared part is computed once.
import type { Asked, ChatMessage } from '../../domain/model.ts'
import type { Rubric } from './rubrics.ts'

/** What the answer begins with; the score follows as " 1" … " 5". The space belongs to the digit: that is how tokenizers cut it. */
export const SCORE_PREFIX = 'Score:'

/** Characters that a judge is shown of one row at most, and at least; the middle of a longer text is left out, visibly. */
const SHOWN = { most: 6000, least: 400 } as const
/** Characters of a token at least, on average, so that what is shown surely fits; and tokens that a chat's own marks take. */
const CHARACTERS_PER_TOKEN = 2.5
const MARKS = 96

/** The middle of a long text left out, with a mark where it was. */
export const shorten = (text: string, limit: number): string =>
  text.length <= limit
    ? text
    : `${text.slice(0, Math.ceil(limit * 0.6))}\n[…]\n${text.slice(-Math.floor(limit * 0.4))}`

const showItem = (prompt: string, completion: string): string =>
  `Question:\n${prompt}\n\nAnswer:\n${completion}`

/** Characters for a row's texts in a context of so many tokens, where `shared` characters stand before them. */
function roomFor(contextLength: number | undefined, shared: number): number {
  if (contextLength === undefined) return SHOWN.most
  return Math.min(
    SHOWN.most,
    Math.max(SHOWN.least, Math.floor((contextLength - MARKS) * CHARACTERS_PER_TOKEN) - shared),
  )
}

/** A rubric, its examples as turns of the chat, and the item to be scored. `contextLength` (tokens) bounds what is shown. */
export function writeJudgeChat(
  rubric: Rubric,
  prompt: string,
  completion: string,
  contextLength?: number,
): Asked {
  const messages: ChatMessage[] = [
    { role: 'system', content: `${rubric.text}\n\nReply with the score only, a digit from 1 to 5.` },
  ]
  for (const example of rubric.examples) {
    messages.push(
      { role: 'user', content: showItem(example.prompt, example.completion) },
      { role: 'assistant', content: `${SCORE_PREFIX} ${example.score}` },
    )
  }
  const room = roomFor(
    contextLength,
    messages.reduce((sum, { content }) => sum + content.length, 0),
  )
  messages.push({
    role: 'user',
    content: showItem(shorten(prompt, 0.4 * room), shorten(completion, 0.6 * room)),
  })
  return { kind: 'chat', messages }
}

/** What the answer of a comparison begins with; " A" or " B" follows. */
export const BETTER_PREFIX = 'Better:'

/** Two answers to one prompt, called A and B. */
export function writePairChat(
  rubric: Rubric,
  prompt: string,
  a: string,
  b: string,
  contextLength?: number,
): Asked {
  const task = `Two answers to the same question are compared.\n${rubric.text}\n\nReply with A or B, whichever answer would get the higher score.`
  const room = roomFor(contextLength, task.length)
  return {
    kind: 'chat',
    messages: [
      { role: 'system', content: task },
      {
        role: 'user',
        content: `Question:\n${shorten(prompt, 0.3 * room)}\n\nAnswer A:\n${shorten(a, 0.35 * room)}\n\nAnswer B:\n${shorten(b, 0.35 * room)}\n\nWhich answer is better, A or B?`,
      },
    ],
  }
}
