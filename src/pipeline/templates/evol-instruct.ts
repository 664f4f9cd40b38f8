// Knows: the prompts of Evol-Instruct, versioned. A published version never changes: raise the number.
// Source: the operators of Evol-Instruct (Xu et al. 2023, arXiv 2304.12244; five in depth, one in breadth), in our own words.
import type { ChatMessage, PromptInput } from '../../domain/completion-request.ts'
import { showEarlier } from './judge-chat.ts'

export const EVOL_TEMPLATE = 'evol-instruct@1'
/** For the last message of a conversation, whose earlier messages stay as they are. */
export const EVOL_CONVERSATION_TEMPLATE = 'evol-instruct-conversation@1'

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
  'messages before the task',
]

const IN_DEPTH_RULES =
  'Keep it a task that a person can understand and respond to. Keep all of its tables and code. Add 10 to 20 words, no more. Write only the task itself, with no heading and no comment.'

/** The messages before a task, in at most about `limit` characters. */
export interface TaskContext {
  readonly earlier: readonly ChatMessage[]
  readonly limit: number
}

const showContext = ({ earlier, limit }: TaskContext): string =>
  showEarlier(earlier, limit, 'Messages before the task:')

/** The request for a task made of another one by an operator; in a conversation, for another last message of it. */
export const writeEvolution = (text: string, operator: Operator, context: TaskContext): PromptInput => ({
  kind: 'chat',
  messages: [
    {
      role: 'user',
      content:
        context.earlier.length > 0
          ? `${showContext(context)}Here is a task, the user’s next message:\n\n${text}\n\n${
              operator === 'in breadth'
                ? 'Invent another task for the user’s next message. It belongs to the same field but is rarer, and is about as long and as difficult. It must be possible to respond to after the messages before it.'
                : `Make it more difficult: rewrite it so that ${IN_DEPTH[operator]}. It must still follow from the messages before it, which stay as they are. Keep it a task that a person can understand and respond to. Keep all of its tables and code. Add 10 to 20 words, no more.`
            } Write only the task itself, with no heading and no comment.`
          : operator === 'in breadth'
            ? `Here is a task:\n\n${text}\n\nInvent another task. It belongs to the same field but is rarer, and is about as long and as difficult. It must be possible to respond to. Write only the task itself, with no heading and no comment.`
            : `Here is a task:\n\n${text}\n\nMake it more difficult: rewrite it so that ${IN_DEPTH[operator]}. ${IN_DEPTH_RULES}`,
    },
  ],
})

/** The two responses to `writeEquality`. */
export const EQUALITY_ANSWERS = ['Equal', 'Different'] as const

/** Whether two tasks are the same; in a conversation, as its next message. */
export const writeEquality = (first: string, second: string, context: TaskContext): PromptInput => ({
  kind: 'chat',
  messages: [
    {
      role: 'user',
      content: `${showContext(context)}Two tasks:\n\n1. ${first}\n\n2. ${second}\n\nThey are equal if they have the same constraints and requirements, and ask in the same depth and breadth. Reply with one word: ${EQUALITY_ANSWERS.join(' or ')}.`,
    },
  ],
})
