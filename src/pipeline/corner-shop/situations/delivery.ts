// Knows: a request for delivery.
import { defineSituation } from '../situation.ts'
import { deliveryFact } from '../rules.ts'

export const delivery = defineSituation({
  name: 'delivery',
  weight: 7,
  upset: false,
  clauses: [
    'asks whether we deliver {goods}',
    'cannot come and asks if we bring {goods}',
    'would like to have {goods} brought home',
    'asks if we bring {goods} to the house',
  ],
  speeches: [
    'Do you deliver {goods}?',
    'Can you bring {goods} to my house?',
    'I broke my leg. Could somebody bring me {goods}?',
  ],
  facts: () => [deliveryFact()],
})
