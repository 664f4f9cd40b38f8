// Knows: a customer's situation, or a request for a note, and its right reply.
import { chance } from '../draws.ts'
import { drawNote, writeNote } from '../notes.ts'
import { drawReply, joinParts } from '../reply.ts'
import { drawTask } from '../task.ts'
import { assistantMessage, drawAllowed, promptMessages, type DocumentKind } from './document.ts'

export const answer: DocumentKind = {
  name: 'answer',
  weight: 26,
  draw(rng, { isHeldOut }) {
    if (chance(0.06, rng)) {
      const note = drawNote(rng)
      return {
        kind: 'chat',
        messages: [...promptMessages(note.text, rng), assistantMessage(writeNote(note, rng))],
        learnFrom: 1,
      }
    }
    const task = drawAllowed(() => drawTask(rng), isHeldOut)
    return {
      kind: 'chat',
      messages: [...promptMessages(task.text, rng), assistantMessage(joinParts(drawReply(task, rng)))],
      learnFrom: 1,
    }
  },
}
