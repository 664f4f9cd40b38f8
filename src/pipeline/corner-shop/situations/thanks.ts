// Knows: a satisfied customer.
import { defineSituation } from '../situation.ts'
import { thanksFact } from '../rules.ts'

export const thanks = defineSituation({
  name: 'thanks',
  weight: 6,
  upset: false,
  clauses: [
    'thanks us for the good {goods}',
    'is very happy with the {goods}',
    'thanks us for our help on {weekday}',
    'praises our {goods}',
  ],
  speeches: [
    'Thank you for the wonderful {goods}!',
    'Your {goods} made my day.',
    'You were so kind to me on {weekday}.',
  ],
  facts: () => [thanksFact()],
})
