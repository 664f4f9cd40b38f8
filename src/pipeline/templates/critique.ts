// Knows: the prompts for a critique of a completion and for its revision, versioned. A published version never changes.
// Source: critique and revision of Constitutional AI (Bai et al. 2022), in our own words.
import type { PromptInput } from '../../domain/completion-request.ts'

/** The prompt for a critique. Version critique@1. */
export const writeCritiqueChat = (prompt: string, completion: string): PromptInput => ({
  kind: 'chat',
  messages: [
    {
      role: 'user',
      content: `Question:\n${prompt}\n\nAnswer:\n${completion}\n\nSay in one sentence what is wrong with this answer, or that nothing is.`,
    },
  ],
})

/** The prompt for a revised completion. Version critique@1. */
export const writeRevisionChat = (prompt: string, completion: string, critique: string): PromptInput => ({
  kind: 'chat',
  messages: [
    {
      role: 'user',
      content: `Question:\n${prompt}\n\nAnswer:\n${completion}\n\nCriticism:\n${critique}\n\nWrite the answer again so that the criticism no longer holds. Write the answer only.`,
    },
  ],
})
