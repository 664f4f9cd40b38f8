// Knows: the chats that ask a judge, versioned with the rubrics. What all rows share stands first, the row's own text last, so that
// the shared part is computed once.
import type { Asked, ChatMessage } from '../../domain/model.ts'
import type { Rubric } from './rubrics.ts'

/** What the answer begins with; the score follows as " 1" … " 5". The space belongs to the digit: that is how tokenizers cut it. */
export const SCORE_PREFIX = 'Score:'

/** Characters of a prompt and of a completion that a judge is shown; the middle of a longer one is left out, visibly. */
export const SHOWN_CHARACTERS = { prompt: 2400, completion: 3600 } as const

/** The middle of a long text left out, with a mark where it was. */
export const shorten = (text: string, limit: number): string =>
  text.length <= limit ? text : `${text.slice(0, Math.ceil(limit * 0.6))}\n[…]\n${text.slice(-Math.floor(limit * 0.4))}`

const showItem = (prompt: string, completion: string): string =>
  `Question:\n${shorten(prompt, SHOWN_CHARACTERS.prompt)}\n\nAnswer:\n${shorten(completion, SHOWN_CHARACTERS.completion)}`

/** A rubric, its examples as turns of the chat, and the item to be scored. */
export function writeJudgeChat(rubric: Rubric, prompt: string, completion: string): Asked {
  const messages: ChatMessage[] = [{ role: 'system', content: `${rubric.text}\n\nReply with the score only, a digit from 1 to 5.` }]
  for (const example of rubric.examples) {
    messages.push({ role: 'user', content: showItem(example.prompt, example.completion) }, { role: 'assistant', content: `${SCORE_PREFIX} ${example.score}` })
  }
  messages.push({ role: 'user', content: showItem(prompt, completion) })
  return { kind: 'chat', messages }
}

/** What the answer of a comparison begins with; " A" or " B" follows. */
export const BETTER_PREFIX = 'Better:'

/** Two answers to one prompt, called A and B. */
export function writePairChat(rubric: Rubric, prompt: string, a: string, b: string): Asked {
  return {
    kind: 'chat',
    messages: [
      { role: 'system', content: `Two answers to the same question are compared.\n${rubric.text}\n\nReply with A or B, whichever answer would get the higher score.` },
      {
        role: 'user',
        content: `Question:\n${shorten(prompt, SHOWN_CHARACTERS.prompt)}\n\nAnswer A:\n${shorten(a, SHOWN_CHARACTERS.completion / 2)}\n\nAnswer B:\n${shorten(b, SHOWN_CHARACTERS.completion / 2)}\n\nWhich answer is better, A or B?`,
      },
    ],
  }
}
