// Knows: an order for a later day.
import { defineSituation } from '../situation.ts'
import { orderFact } from '../rules.ts'

export const order = defineSituation({
  name: 'order',
  weight: 7,
  upset: false,
  clauses: [
    'wants to order {goods} for {weekday}',
    'needs a lot of {goods} on {weekday}',
    'asks if we can put {goods} aside for {weekday}',
    'would like to pick up {goods} on {weekday}',
  ],
  speeches: [
    'Can I order {goods} for {weekday}?',
    'Please put {goods} aside for {weekday}.',
    'I need {goods} for a party on {weekday}.',
  ],
  facts: () => [orderFact()],
})
