import { expect, test } from 'vitest'
import { novelty } from '../../../src/pipeline/filters/novelty.ts'
import { NoveltyPool } from '../../../src/pipeline/novelty-pool.ts'

const earlier = new NoveltyPool()
earlier.add('Thank you for coming to our shop today')
const decide = (prompt: string, completion: string) =>
  novelty.decide({
    prompt,
    completion,
    finishReason: 'end',
    settings: { threshold: 0.7, echo: 0.8 },
    earlier,
  })

test('drops a completion that repeats its prompt, and shows the prompt', () => {
  expect(decide('Explain rain to a child.', 'Explain rain to a child!')).toMatchObject({
    kind: 'dropped',
    nearest: { text: 'Explain rain to a child.', score: 1 },
    reason: 'repeats its prompt: ROUGE-L 1.00, above 0.8',
  })
})

test('drops a completion that repeats an earlier one, and shows it', () => {
  expect(decide('Say thanks.', 'Thank you for coming to our shop yesterday')).toMatchObject({
    kind: 'dropped',
    nearest: { text: 'Thank you for coming to our shop today' },
  })
})

test('keeps a new completion, with its highest scores', () => {
  expect(decide('Say no.', 'We are sorry, the cake is sold out.')).toMatchObject({
    kind: 'kept',
    evidence: { echo: 0 },
  })
})
