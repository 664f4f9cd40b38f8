// Knows: a task and a harder version of it: with one more request or a word limit.
import { writeEvolveChat } from '../../templates/evolve.ts'
import { chance } from '../draws.ts'
import { fillSlots } from '../situation.ts'
import { drawExtra, drawTask } from '../task.ts'
import { assistantMessage, messagesOf, type DocumentKind } from './document.ts'

export const evolve: DocumentKind = {
  name: 'evolve',
  weight: 4,
  draw(rng, { isHeldOut }) {
    for (;;) {
      const task = drawTask(rng)
      const extra = drawExtra(task.situation, task.particulars, rng)
      if (task.short || task.extra || !extra || isHeldOut(task.text)) continue
      const harder = chance(0.25, rng)
        ? `${task.text} Do not use more than thirty words.`
        : `${task.text} ${fillSlots(extra.request, task.particulars)}`
      return {
        kind: 'chat',
        messages: [...messagesOf(writeEvolveChat(task.text)), assistantMessage(harder)],
        learnFrom: 1,
      }
    }
  },
}
