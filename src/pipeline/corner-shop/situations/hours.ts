// Knows: a question about the opening hours.
import { defineSituation } from '../situation.ts'
import { hoursFact } from '../rules.ts'

export const hours = defineSituation({
  name: 'hours',
  weight: 9,
  upset: false,
  clauses: [
    'asks whether we are open on {weekday}',
    'wants to know how long we are open on {weekday}',
    'asks when we open on {weekday}',
    'would like to come on {weekday} and asks for our hours',
  ],
  speeches: [
    'Are you open on {weekday}?',
    'When do you close on {weekday}?',
    'What are your hours on {weekday}?',
  ],
  facts: ({ weekday }) => [hoursFact(weekday)],
})
