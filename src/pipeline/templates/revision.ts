// Knows: how a model is shown a completion to criticise and to revise, as later turns of the same conversation. Source: Self-Refine (Madaan
// et al. 2023), feedback and refine; the texts are of our own wording.
import type { ChatMessage, PromptInput } from '../../domain/completion-request.ts'
import { writeConversation } from '../../domain/conversation.ts'

export interface RevisedText {
  readonly system: string
  readonly earlier?: readonly ChatMessage[] | undefined
  readonly prompt: string
  readonly completion: string
}

const writeNext = ({ completion, ...conversation }: RevisedText, content: string): PromptInput => ({
  kind: 'chat',
  messages: [
    ...writeConversation(conversation),
    { role: 'assistant', content: completion },
    { role: 'user', content },
  ],
})

/** Requests what is wrong with a completion. `aim`: what a good one is. */
export const writeCritiqueChat = (text: RevisedText, aim: string): PromptInput =>
  writeNext(
    text,
    `Look at your last response again. A good response: ${aim}\n\nList what is wrong with it or missing from it, as short points. Do not write a new response. If nothing should change, write only: Nothing to change.`,
  )

/** Requests a better completion, given the critique. */
export const writeRevisionChat = (text: RevisedText, critique: string): PromptInput =>
  writeNext(
    text,
    `Comments on your last response:\n${critique}\n\nWrite the response again so that it follows these comments. Write only the new response.`,
  )

/** A critique that finds nothing. */
export const findsNothing = (critique: string): boolean => /^\W*nothing to change\W*$/iu.test(critique.trim())
