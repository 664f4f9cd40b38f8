// Knows: how a row becomes a prompt and a completion in tokens: with the students' own template, or with the chat template of an imported model.
// Must not know: datasets, training.
import { findAnswerEnd } from '../../src/engine/tokenizers/answer-end.ts'
import {
  messagesOf,
  renderStudentExample,
  renderStudentPrompt,
  type StudentExample,
} from '../../src/engine/tokenizers/student-template.ts'
import type { ChatMessageText, TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'

export interface Rendering {
  /** Ids up to the start of a completion. */
  prompt(messages: readonly ChatMessageText[]): number[]
  /** Ids of a prompt and its completion, and the length of the prompt. */
  example(row: {
    readonly system?: string
    readonly prompt: string
    readonly completion: string
  }): StudentExample
}

/** For students whose vocabulary has our special tokens. */
export const renderAsStudent = (tokenizer: TextTokenizer): Rendering => ({
  prompt: (messages) => renderStudentPrompt(tokenizer, messages),
  example: (row) => renderStudentExample(tokenizer, row),
})

/** For imported models: their own chat template, and the token with which it ends an answer. Prompts equal those of a teacher. Throws if the model has no template. */
export function renderByTemplate(tokenizer: TextTokenizer): Rendering {
  const end = findAnswerEnd(tokenizer)
  const prompt = (messages: readonly ChatMessageText[]): number[] =>
    tokenizer.encodeChat(messages, { closeReasoning: true })
  return {
    prompt,
    example({ system, prompt: content, completion }) {
      const promptIds = prompt(messagesOf({ ...(system ? { system } : {}), prompt: content }))
      return {
        ids: [
          ...promptIds,
          ...tokenizer.encode(completion, { special: 'never', continues: true }),
          ...(end === undefined ? [] : [end]),
        ],
        promptLength: promptIds.length,
      }
    },
  }
}
