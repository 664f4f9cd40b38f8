// Knows: an answer and what is wrong with it.
import { writeCritiqueChat } from '../../templates/critique.ts'
import { drawItemSource } from '../items.ts'
import { messagesIn, says, type DocumentKind } from './document.ts'

export const critique: DocumentKind = {
  name: 'critique',
  weight: 4,
  draw(rng, { isHeldOut }) {
    const item = drawItemSource(rng, isHeldOut).draw(rng)
    return {
      kind: 'chat',
      messages: [...messagesIn(writeCritiqueChat(item.prompt, item.completion)), says(item.critique)],
      learnFrom: 1,
      times: 3,
    }
  },
}
