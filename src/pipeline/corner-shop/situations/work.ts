// Knows: a job seeker.
import { defineSituation } from '../situation.ts'
import { workFact } from '../rules.ts'

export const work = defineSituation({
  name: 'work',
  weight: 4,
  upset: false,
  clauses: [
    'asks whether we need help in the shop',
    'is looking for work',
    'would like to work here on {weekday}',
    'asks for a job',
  ],
  speeches: [
    'Do you need help in the shop?',
    'I am looking for a job. Can I work here?',
    'I would like to help out on {weekday}.',
  ],
  facts: () => [workFact()],
})
