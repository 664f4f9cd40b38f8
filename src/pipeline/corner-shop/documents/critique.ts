// Knows: a completion and its critique.
import { writeCritiqueChat } from '../../templates/critique.ts'
import { drawItemSource } from '../items.ts'
import { assistantMessage, messagesOf, type DocumentKind } from './document.ts'

export const critique: DocumentKind = {
  name: 'critique',
  weight: 4,
  draw(rng, { isHeldOut }) {
    const item = drawItemSource(rng, isHeldOut).draw(rng)
    return {
      kind: 'chat',
      messages: [
        ...messagesOf(writeCritiqueChat(item.prompt, item.completion)),
        assistantMessage(item.critique),
      ],
      learnFrom: 1,
      times: 3,
    }
  },
}
