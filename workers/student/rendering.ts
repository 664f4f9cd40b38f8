// Knows: how a row becomes a prompt and a completion in tokens: with the students' own template, or with the chat template of an imported model.
// Must not know: datasets, training.
import { findAnswerEnd } from '../../src/engine/tokenizers/templates/answer-end.ts'
import {
  messagesOf,
  renderStudentExample,
  renderStudentPrompt,
  renderStudentTurns,
  type ConversationText,
  type StudentExample,
} from '../../src/engine/tokenizers/templates/student-template.ts'
import type { ChatMessageText, TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { AssistantTurns } from '../../src/pipeline/training/losses/loss.ts'

export interface Rendering {
  /** Ids up to the start of a completion. */
  prompt(messages: readonly ChatMessageText[]): number[]
  /** Ids of a conversation and its completion, and the length of what is before that; with `all`, the earlier answers are targets too. */
  example(row: ConversationText & { readonly completion: string }, turns?: AssistantTurns): StudentExample
}

/** For students whose vocabulary has our special tokens. */
export const renderAsStudent = (tokenizer: TextTokenizer): Rendering => ({
  prompt: (messages) => renderStudentPrompt(tokenizer, messages),
  example: (row, turns = 'last') =>
    turns === 'all' && hasAnswers(row)
      ? renderStudentTurns(tokenizer, row)
      : renderStudentExample(tokenizer, row),
})

/** For imported models: their own chat template, and the token with which it ends an answer. Prompts equal those of a teacher. Throws if the model has no template. */
export function renderByTemplate(tokenizer: TextTokenizer): Rendering {
  const end = findAnswerEnd(tokenizer)
  const prompt = (messages: readonly ChatMessageText[]): number[] =>
    tokenizer.encodeChat(messages, { closeReasoning: true })
  const encode = (answer: string): number[] => tokenizer.encode(answer, { special: 'never', continues: true })
  return {
    prompt,
    example({ completion, ...conversation }, turns = 'last') {
      const messages = messagesOf(conversation)
      const promptIds = prompt(messages)
      const ids = [...promptIds, ...encode(completion), ...(end === undefined ? [] : [end])]
      const example = { ids, promptLength: promptIds.length }
      if (turns === 'last' || !hasAnswers(conversation)) return example
      const targets = new Uint8Array(ids.length).fill(1, promptIds.length)
      let unmarked = 0
      messages.forEach(({ role, content }, i) => {
        if (role !== 'assistant') return
        const answer = encode(content)
        const from = findAnswer(ids, answer, tokenizer, messages.slice(0, i))
        if (from === undefined) return void (unmarked += 1)
        const to = from + answer.length
        targets.fill(1, from, end !== undefined && ids[to] === end ? to + 1 : to)
      })
      return { ...example, targets, ...(unmarked > 0 ? { unmarked } : {}) }
    },
  }
}

const hasAnswers = ({ earlier = [] }: Pick<ConversationText, 'earlier'>): boolean =>
  earlier.some(({ role }) => role === 'assistant')

/**
 * Where the answer to these messages begins in the ids of a longer chat: where the model itself would begin it. Undefined if the template
 * writes an earlier answer otherwise than a new one, so that the ids differ there.
 */
function findAnswer(
  ids: readonly number[],
  answer: readonly number[],
  tokenizer: TextTokenizer,
  before: readonly ChatMessageText[],
): number | undefined {
  // Some templates put an empty reasoning block before a new answer, and none before an earlier one.
  for (const closeReasoning of [true, false]) {
    const head = tryEncode(tokenizer, before, closeReasoning)
    if (head === undefined) continue
    const isThere = [...head, ...answer].every((id, i) => ids[i] === id)
    if (isThere) return head.length
  }
  return undefined
}

/** Undefined if the template refuses these messages. */
function tryEncode(
  tokenizer: TextTokenizer,
  messages: readonly ChatMessageText[],
  closeReasoning: boolean,
): number[] | undefined {
  try {
    return tokenizer.encodeChat(messages, { closeReasoning })
  } catch {
    return undefined
  }
}
