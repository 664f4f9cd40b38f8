// Knows: a return: the shop accepts it within 14 days.
import { defineSituation } from '../situation.ts'
import { returnFact } from '../rules.ts'

export const returned = defineSituation({
  name: 'return',
  weight: 9,
  upset: false,
  clauses: [
    'wants to return {goods} after {days} days',
    'brings back {goods} after {days} days',
    'would like to give back {goods} from {days} days ago',
    'asks to return {goods}, bought {days} days ago',
  ],
  speeches: [
    'Can I return {goods} that I bought {days} days ago?',
    'I bought {goods} {days} days ago and want my money back.',
    'I would like to give back {goods} after {days} days.',
  ],
  facts: ({ days }) => [returnFact(days)],
})
