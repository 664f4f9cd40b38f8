// Knows: a question about payment.
import { defineSituation } from '../situation.ts'
import { paymentFact } from '../rules.ts'

export const payment = defineSituation({
  name: 'payment',
  weight: 7,
  upset: false,
  clauses: [
    'asks whether we take cards',
    'has no cash and asks how to pay for the {goods}',
    'asks how one can pay here',
    'wants to pay for {goods} by card',
  ],
  speeches: [
    'Can I pay for the {goods} by card?',
    'Do you take cards?',
    'I have no cash with me. Is that a problem?',
  ],
  facts: () => [paymentFact()],
})
