// Knows: a complaint about a long queue.
import { defineSituation } from '../situation.ts'
import { queueFact } from '../rules.ts'

export const queue = defineSituation({
  name: 'queue',
  weight: 6,
  upset: true,
  clauses: [
    'complains that the queue was too long on {weekday}',
    'waited for half an hour on {weekday}',
    'is upset about the long queue on {weekday}',
    'left without {goods} because the queue was too long',
  ],
  speeches: [
    'I waited for half an hour on {weekday}!',
    'Your queue on {weekday} was far too long.',
    'Why does it take so long to pay?',
  ],
  facts: () => [queueFact()],
})
