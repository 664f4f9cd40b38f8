// Knows: the prompt for a harder version of a task, versioned. A published version never changes: raise the number.
// Source: in-depth evolving of Evol-Instruct (Xu et al. 2023), in our own words.
import type { PromptInput } from '../../domain/completion-request.ts'

/** The prompt for the same task with one more requirement. Version evolve@1. */
export const writeEvolveChat = (prompt: string): PromptInput => ({
  kind: 'chat',
  messages: [
    {
      role: 'user',
      content: `Make this task a little harder by asking for one more thing. It must still be possible to do. Write the new task only.\n\nTask:\n${prompt}`,
    },
  ],
})
