// Knows: spoiled goods: the shop apologises and makes up for it.
import { defineSituation } from '../situation.ts'
import { amendsFact } from '../rules.ts'

export const spoiled = defineSituation({
  name: 'spoiled',
  weight: 9,
  upset: true,
  clauses: [
    'says that the {goods} from this morning had gone bad',
    'complains about bad {goods}',
    'is angry because the {goods} had gone bad',
    'found that the {goods} from yesterday had gone bad',
  ],
  speeches: [
    'The {goods} I bought here had gone bad!',
    'I am not happy: your {goods} had gone bad.',
    'I had to throw away the {goods} from your shop.',
  ],
  facts: ({ goods }) => [amendsFact(goods)],
})
