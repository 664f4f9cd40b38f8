// Knows: the texts that ask a teacher to criticise an answer and to write it anew, versioned. A published version never changes.
// Source: critique and revision of Constitutional AI (Bai et al. 2022), in words of our own.
import type { Asked } from '../../domain/model.ts'

export const CRITIQUE_TEMPLATE = 'critique@1'

/** Asks what is wrong with an answer. */
export const writeCritiqueChat = (prompt: string, completion: string): Asked => ({
  kind: 'chat',
  messages: [
    {
      role: 'user',
      content: `Question:\n${prompt}\n\nAnswer:\n${completion}\n\nSay in one sentence what is wrong with this answer, or that nothing is.`,
    },
  ],
})

/** Asks for the answer as it should have been. */
export const writeRevisionChat = (prompt: string, completion: string, critique: string): Asked => ({
  kind: 'chat',
  messages: [
    {
      role: 'user',
      content: `Question:\n${prompt}\n\nAnswer:\n${completion}\n\nCriticism:\n${critique}\n\nWrite the answer again so that the criticism no longer holds. Write the answer only.`,
    },
  ],
})
