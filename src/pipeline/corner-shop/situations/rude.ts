// Knows: a complaint about rude service.
import { defineSituation } from '../situation.ts'
import { rudeFact } from '../rules.ts'

export const rude = defineSituation({
  name: 'rude',
  weight: 5,
  upset: true,
  clauses: [
    'complains that the cashier was rude',
    'says that nobody greeted them on {weekday}',
    'is upset because a helper was unfriendly',
    'felt ignored when asking for {goods}',
  ],
  speeches: [
    'Your cashier was rude to me on {weekday}.',
    'Nobody in your shop said a friendly word to me.',
    'I asked for {goods} and was ignored!',
  ],
  facts: () => [rudeFact()],
})
