// Knows: a complaint about a bill that is too high.
import { defineSituation } from '../situation.ts'
import { overchargeFact } from '../rules.ts'

export const chargedTwice = defineSituation({
  name: 'charged-twice',
  weight: 7,
  upset: true,
  clauses: [
    'was charged twice for the {goods}',
    'says that we charged too much for the {goods}',
    'complains that we put the {goods} on the bill twice',
    'got too little change when buying {goods}',
  ],
  speeches: [
    'You charged me twice for the {goods}!',
    'I paid too much for the {goods}.',
    'You put the {goods} on my bill twice.',
  ],
  facts: () => [overchargeFact()],
})
