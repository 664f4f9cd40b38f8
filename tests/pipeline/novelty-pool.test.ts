import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NoveltyPool } from '../../src/pipeline/novelty-pool.ts'
import { measureRougeL } from '../../src/pipeline/rouge.ts'

const sentence = fc
  .array(fc.constantFrom('a', 'shop', 'reply', 'to', 'the', 'customer', 'bread', 'late', 'kind'), {
    maxLength: 9,
  })
  .map((words) => words.join(' '))

test('the index finds the same nearest texts as comparing with every one', () => {
  fc.assert(
    fc.property(fc.array(sentence, { maxLength: 40 }), sentence, (texts, query) => {
      const pool = new NoveltyPool()
      pool.add(...texts)
      const wanted = texts
        .map((text, at) => ({ text, at, score: measureRougeL(query, text) }))
        .filter(({ score }) => score > 0)
        .toSorted((a, b) => b.score - a.score || a.at - b.at)
        .slice(0, 5)
        .map(({ text, score }) => ({ text, score }))
      expect(pool.nearest(query, 5)).toEqual(wanted)
    }),
    { numRuns: 300 },
  )
})

test('with a bound that decides, the decision is that of comparing with every one', () => {
  const big = fc.array(sentence, { minLength: 100, maxLength: 160 })
  fc.assert(
    fc.property(big, sentence, fc.constantFrom(0.3, 0.5, 0.7, 0.9), (texts, query, threshold) => {
      const pool = new NoveltyPool()
      pool.add(...texts)
      const most = Math.max(...texts.map((text) => measureRougeL(query, text)))
      expect(pool.decide(query, threshold).kind).toBe(most > threshold ? 'dropped' : 'kept')
    }),
    { numRuns: 60 },
  )
})

test('a drop names its nearest text and how near it is; a score at the threshold is kept', () => {
  const pool = new NoveltyPool()
  pool.add('Write a friendly reply to the customer', 'Why is the sky blue')
  const answer = pool.decide('Write a friendly reply to that customer', 0.7)
  expect(answer).toMatchObject({
    kind: 'dropped',
    nearest: { text: 'Write a friendly reply to the customer', score: 0.857 },
  })
  expect(answer.kind === 'dropped' && answer.reason).toContain('0.86')
  expect(pool.decide('Write a friendly reply to that customer', 6 / 7).kind).toBe('kept')
  expect(pool.decide('Wholly other words', 0.7)).toEqual({ kind: 'kept', evidence: { likeness: 0 } })
})

test('candidates of one answer are compared with each other in their order', () => {
  const pool = new NoveltyPool()
  const answers = pool.decideAll(['Name three fruits', 'Name three fruits', 'Name three rivers of Asia'], 0.7)
  expect(answers.map(({ kind }) => kind)).toEqual(['kept', 'dropped', 'kept'])
  expect(pool.size).toBe(2)
})

test('twenty thousand texts and a thousand questions take seconds, not minutes', () => {
  const pool = new NoveltyPool()
  const words = Array.from({ length: 3000 }, (_, i) => `w${i}`)
  const make = (i: number): string =>
    Array.from({ length: 20 }, (_, j) =>
      j % 4 === 0 ? 'the' : words[(i * 7919 + j * 104729) % words.length],
    ).join(' ')
  pool.add(...Array.from({ length: 20_000 }, (_, i) => make(i)))
  const before = performance.now()
  for (let i = 0; i < 1000; i++) pool.decide(make(i + 50_000), 0.7)
  expect(performance.now() - before).toBeLessThan(20_000)
})
