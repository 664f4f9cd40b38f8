// Knows: something lost in the shop.
import { defineSituation } from '../situation.ts'
import { lostFact } from '../rules.ts'

export const lost = defineSituation({
  name: 'lost',
  weight: 7,
  upset: false,
  clauses: [
    'left {thing} in the shop',
    'is looking for {thing} that was left here on {weekday}',
    'asks whether we found {thing}',
    'thinks that {thing} was left at our till',
  ],
  speeches: [
    'I left {thing} in your shop on {weekday}.',
    'Did you find {thing}?',
    'I think I forgot {thing} at your till.',
  ],
  facts: () => [lostFact()],
})
