// Knows: a question about a price.
import { defineSituation } from '../situation.ts'
import { priceFact } from '../rules.ts'

export const price = defineSituation({
  name: 'price',
  weight: 9,
  upset: false,
  clauses: [
    'asks what the price of the {goods} is',
    'wants to know how much we ask for {goods}',
    'asks for the price of {goods}',
    'is not sure about the price of the {goods}',
  ],
  speeches: [
    'How much do you ask for {goods}?',
    'What is the price of {goods}?',
    'I would like {goods}. What do I pay?',
  ],
  facts: ({ goods }) => [priceFact(goods)],
})
