// Knows: a question about stock.
import { defineSituation } from '../situation.ts'
import { stockFact } from '../rules.ts'

export const stock = defineSituation({
  name: 'stock',
  weight: 8,
  upset: false,
  clauses: [
    'asks whether we have {goods} today',
    'would like to buy {goods}',
    'asks if there is any chance of {goods} today',
    'needs {goods} and asks if we have any',
  ],
  speeches: [
    'Do you have {goods} today?',
    'Have you got any {goods} left?',
    'I need {goods}. Do you have some?',
  ],
  facts: ({ goods }) => [stockFact(goods)],
})
