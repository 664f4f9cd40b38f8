// Knows: an answer, what is wrong with it, and the right one.
import { writeRevisionChat } from '../../templates/critique.ts'
import { drawItemSource } from '../items.ts'
import { messagesIn, says, type DocumentKind } from './document.ts'

export const revise: DocumentKind = {
  name: 'revise',
  weight: 4,
  draw(rng, { isHeldOut }) {
    const item = drawItemSource(rng, isHeldOut).draw(rng)
    return {
      kind: 'chat',
      messages: [
        ...messagesIn(writeRevisionChat(item.prompt, item.completion, item.critique)),
        says(item.right),
      ],
      learnFrom: 1,
    }
  },
}
