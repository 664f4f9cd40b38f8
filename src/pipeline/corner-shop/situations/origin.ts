// Knows: a question about the origin of a product.
import { defineSituation } from '../situation.ts'
import { originFact } from '../rules.ts'

export const origin = defineSituation({
  name: 'origin',
  weight: 6,
  upset: false,
  clauses: [
    'asks where we get our {goods} from',
    'wants to know who makes our {goods}',
    'asks about the origin of the {goods}',
    'would like to know more about our {goods}',
  ],
  speeches: [
    'Where do you get your {goods} from?',
    'Who makes your {goods}?',
    'Do you get your {goods} from around here?',
  ],
  facts: ({ goods }) => [originFact(goods)],
})
