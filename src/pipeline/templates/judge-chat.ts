// Knows: the judge's chats, versioned with the rubrics. What all rows share comes first, the row's own text last, so that the shared
// prefix is computed once.
import type { ChatMessage, PromptInput } from '../../domain/completion-request.ts'
import { firstOf, lastOf } from '../cut-text.ts'
import type { Rubric } from './rubrics.ts'

/** The answer's prefix; the score follows as " 1" … " 5". The space belongs to the digit: tokenizers split it that way. */
export const SCORE_PREFIX = 'Score:'

/** Max and min characters of one row in the chat; a longer text loses its middle, visibly. */
const SHOWN = { max: 6000, min: 400 } as const
/** Min characters per token, on average, so that the texts fit; and tokens of the chat template itself. */
export const CHARACTERS_PER_TOKEN = 2.5
const TEMPLATE_TOKENS = 96

/** A long text without its middle, with a mark in its place. */
export const shorten = (text: string, limit: number): string =>
  text.length <= limit
    ? text
    : `${firstOf(text, Math.ceil(limit * 0.6))}\n[…]\n${lastOf(text, Math.floor(limit * 0.4))}`

/** `before`: what `showEarlier` returns. */
const showItem = (prompt: string, completion: string, before = ''): string =>
  `${before}Question:\n${prompt}\n\nAnswer:\n${completion}`

const SPEAKERS = { system: 'System', user: 'User', assistant: 'Assistant' } as const

/**
 * The conversation before a question under its heading, in at most about `limit` characters: its first messages go first. Empty if there
 * is none.
 */
export function showEarlier(
  earlier: readonly ChatMessage[],
  limit: number,
  heading = 'Conversation before the question:',
): string {
  if (earlier.length === 0) return ''
  const lines: string[] = []
  let left = limit
  for (const { role, content } of earlier.toReversed()) {
    const line = `${SPEAKERS[role]}: ${content}`
    // The message right before the question is always shown, if only in part.
    if (lines.length > 0 && line.length > left) {
      lines.push('[…]')
      break
    }
    lines.push(shorten(line, limit))
    left -= line.length
  }
  return `${heading}\n${lines.toReversed().join('\n\n')}\n\n`
}

/** Shares of a row's room, for the conversation before its question, the question and the answer. */
const sharesOf = (earlier: readonly ChatMessage[]): readonly [number, number, number] =>
  earlier.length === 0 ? [0, 0.4, 0.6] : [0.3, 0.25, 0.45]

/** Characters for a row's texts in a context of `contextLength` tokens, after `shared` characters. */
function roomFor(contextLength: number | undefined, shared: number): number {
  if (contextLength === undefined) return SHOWN.max
  return Math.min(
    SHOWN.max,
    Math.max(SHOWN.min, Math.floor((contextLength - TEMPLATE_TOKENS) * CHARACTERS_PER_TOKEN) - shared),
  )
}

/**
 * A rubric, its examples as turns of the chat, and the item to score. `contextLength` (tokens) limits the texts; `earlier` is the conversation
 * before the prompt.
 */
export function writeJudgeChat(
  rubric: Rubric,
  prompt: string,
  completion: string,
  contextLength?: number,
  earlier: readonly ChatMessage[] = [],
): PromptInput {
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
  const [before, question, answer] = sharesOf(earlier)
  messages.push({
    role: 'user',
    content: showItem(
      shorten(prompt, question * room),
      shorten(completion, answer * room),
      showEarlier(earlier, before * room),
    ),
  })
  return { kind: 'chat', messages }
}

/** The prefix of a comparison's answer; " A" or " B" follows. */
export const BETTER_PREFIX = 'Better:'

/** Two completions of one prompt, called A and B. `earlier` is the conversation before the prompt. */
export function writePairChat(
  rubric: Rubric,
  prompt: string,
  a: string,
  b: string,
  contextLength?: number,
  earlier: readonly ChatMessage[] = [],
): PromptInput {
  const task = `Two answers to the same question are compared.\n${rubric.text}\n\nReply with A or B, whichever answer would get the higher score.`
  const room = roomFor(contextLength, task.length)
  const [before, question, answer] = earlier.length === 0 ? [0, 0.3, 0.35] : [0.2, 0.2, 0.3]
  return {
    kind: 'chat',
    messages: [
      { role: 'system', content: task },
      {
        role: 'user',
        content: `${showEarlier(earlier, before * room)}Question:\n${shorten(prompt, question * room)}\n\nAnswer A:\n${shorten(a, answer * room)}\n\nAnswer B:\n${shorten(b, answer * room)}\n\nWhich answer is better, A or B?`,
      },
    ],
  }
}
