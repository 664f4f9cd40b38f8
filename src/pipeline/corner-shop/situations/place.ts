// Knows: a question about where a product is.
import { defineSituation } from '../situation.ts'
import { placeFact } from '../rules.ts'

export const place = defineSituation({
  name: 'place',
  weight: 10,
  upset: false,
  clauses: [
    'asks where to find the {goods}',
    'cannot find the {goods}',
    'is looking for {goods}',
    'has looked everywhere for {goods}',
  ],
  speeches: [
    'Where do I find the {goods}?',
    'I cannot find the {goods}. Can you help me?',
    'Which shelf has the {goods}?',
  ],
  facts: ({ goods }) => [placeFact(goods)],
})
