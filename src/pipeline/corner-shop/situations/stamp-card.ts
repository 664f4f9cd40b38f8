// Knows: a question about the stamp card.
import { defineSituation } from '../situation.ts'
import { stampFact } from '../rules.ts'

export const stampCard = defineSituation({
  name: 'stamp-card',
  weight: 4,
  upset: false,
  clauses: [
    'asks how the stamp card works',
    'has a full stamp card',
    'asks what one gets for ten stamps',
    'wants to know about our stamp card',
  ],
  speeches: [
    'How does your stamp card work?',
    'My stamp card is full. What do I get?',
    'Do I get a stamp for the {goods}?',
  ],
  facts: () => [stampFact()],
})
