// Knows: the text that asks a teacher to make a prompt harder, versioned. A published version never changes: raise the number.
// Source: in-depth evolving of Evol-Instruct (Xu et al. 2023), in words of our own.
import type { Asked } from '../../domain/model.ts'

export const EVOLVE_TEMPLATE = 'evolve@1'

/** Asks for the prompt with one more demand. */
export const writeEvolveChat = (prompt: string): Asked => ({
  kind: 'chat',
  messages: [
    {
      role: 'user',
      content: `Make this task a little harder by asking for one more thing. It must still be possible to do. Write the new task only.\n\nTask:\n${prompt}`,
    },
  ],
})
