// Knows: the prompts of Evol-Instruct, versioned. A published version never changes: raise the number.
// Source: the operators of Evol-Instruct (Xu et al. 2023, arXiv 2304.12244; five in depth, one in breadth), in our own words.
import type { PromptInput } from '../../domain/completion-request.ts'

export const EVOL_TEMPLATE = 'evol-instruct@1'

/** What an operator does to a task; the texts complete “Rewrite the task so that …”. */
const IN_DEPTH = {
  'add constraints': 'it has one more constraint or requirement',
  deepen: 'it asks about its subject in more depth or breadth',
  concretize: 'a general idea in it becomes a specific one',
  'more reasoning': 'it cannot be solved without several steps of reasoning',
  'complicate input': 'it comes with input to work on, such as a table, a list, code, a letter or a formula',
} as const

export const OPERATORS = [...Object.keys(IN_DEPTH), 'in breadth'] as readonly Operator[]
export type Operator = keyof typeof IN_DEPTH | 'in breadth'

/** Words of these prompts that a task must not repeat. */
export const TEMPLATE_WORDS: readonly string[] = [
  'the original task',
  'original task',
  'rewritten task',
  'new task:',
  'rewrite the task',
  'given prompt',
  'rewritten prompt',
]

const IN_DEPTH_RULES =
  'Keep it a task that a person can understand and respond to. Keep all of its tables and code. Add 10 to 20 words, no more. Write only the task itself, with no heading and no comment.'

/** The request for a task made of another one by an operator. */
export const writeEvolution = (text: string, operator: Operator): PromptInput => ({
  kind: 'chat',
  messages: [
    {
      role: 'user',
      content:
        operator === 'in breadth'
          ? `Here is a task:\n\n${text}\n\nInvent another task. It belongs to the same field but is rarer, and is about as long and as difficult. It must be possible to respond to. Write only the task itself, with no heading and no comment.`
          : `Here is a task:\n\n${text}\n\nMake it more difficult: rewrite it so that ${IN_DEPTH[operator]}. ${IN_DEPTH_RULES}`,
    },
  ],
})

/** The two responses to `writeEquality`. */
export const EQUALITY_ANSWERS = ['Equal', 'Different'] as const

/** Whether two tasks are the same. */
export const writeEquality = (first: string, second: string): PromptInput => ({
  kind: 'chat',
  messages: [
    {
      role: 'user',
      content: `Two tasks:\n\n1. ${first}\n\n2. ${second}\n\nThey are equal if they have the same constraints and requirements, and ask in the same depth and breadth. Reply with one word: ${EQUALITY_ANSWERS.join(' or ')}.`,
    },
  ],
})
