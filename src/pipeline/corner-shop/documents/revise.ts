// Knows: a completion, its critique, and the right completion.
import { writeRevisionChat } from '../../templates/critique.ts'
import { drawItemSource } from '../items.ts'
import { assistantMessage, messagesOf, type DocumentKind } from './document.ts'

export const revise: DocumentKind = {
  name: 'revise',
  weight: 4,
  draw(rng, { isHeldOut }) {
    const item = drawItemSource(rng, isHeldOut).draw(rng)
    return {
      kind: 'chat',
      messages: [
        ...messagesOf(writeRevisionChat(item.prompt, item.completion, item.critique)),
        assistantMessage(item.right),
      ],
      learnFrom: 1,
    }
  },
}
