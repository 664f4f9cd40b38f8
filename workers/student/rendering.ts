// Knows: how a row becomes what a student reads and what it learns to write: in the students' own form, or in that of a model's template.
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
  /** Ids up to where an answer begins. */
  prompt(messages: readonly ChatMessageText[]): number[]
  /** Ids of a prompt and its completion, and where learning begins. */
  example(row: {
    readonly system?: string
    readonly prompt: string
    readonly completion: string
  }): StudentExample
}

/** For students whose vocabulary has the special tokens of ours. */
export const renderAsStudent = (tokenizer: TextTokenizer): Rendering => ({
  prompt: (messages) => renderStudentPrompt(tokenizer, messages),
  example: (row) => renderStudentExample(tokenizer, row),
})

/** For imported models: their own chat template, and the token with which it ends an answer. As a teacher is asked. Throws where it has none. */
export function renderByTemplate(tokenizer: TextTokenizer): Rendering {
  const end = findAnswerEnd(tokenizer)
  const prompt = (messages: readonly ChatMessageText[]): number[] =>
    tokenizer.encode(tokenizer.renderChat(messages, { addGenerationPrompt: true }))
  return {
    prompt,
    example({ system, prompt: asked, completion }) {
      const read = prompt(messagesOf({ ...(system ? { system } : {}), prompt: asked }))
      return {
        ids: [
          ...read,
          ...tokenizer.encode(completion, { special: false, continues: true }),
          ...(end === undefined ? [] : [end]),
        ],
        border: read.length,
      }
    },
  }
}
