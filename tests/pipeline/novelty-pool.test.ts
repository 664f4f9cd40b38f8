import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NoveltyPool } from '../../src/pipeline/novelty-pool.ts'
import { measureRougeL } from '../../src/pipeline/rouge.ts'

const sentence = fc
  .array(fc.constantFrom('a', 'shop', 'reply', 'to', 'the', 'customer', 'bread', 'late', 'kind'), {
    maxLength: 9,
  })
  .map((words) => words.join(' '))

test('finds the same nearest texts as a comparison with every text', () => {
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

test('makes the same decision as a comparison with every text', () => {
  const big = fc.array(sentence, { minLength: 100, maxLength: 160 })
  fc.assert(
    fc.property(big, sentence, fc.constantFrom(0.3, 0.5, 0.7, 0.9), (texts, query, threshold) => {
      const pool = new NoveltyPool()
      pool.add(...texts)
      const max = Math.max(...texts.map((text) => measureRougeL(query, text)))
      expect(pool.decide(query, threshold).kind).toBe(max > threshold ? 'dropped' : 'kept')
    }),
    { numRuns: 60 },
  )
})

test('drops with the nearest text and its score, and keeps a score at the threshold', () => {
  const pool = new NoveltyPool()
  pool.add('Write a friendly reply to the customer', 'Why is the sky blue')
  const decision = pool.decide('Write a friendly reply to that customer', 0.7)
  expect(decision).toMatchObject({
    kind: 'dropped',
    nearest: { text: 'Write a friendly reply to the customer', score: 0.857 },
  })
  expect(decision.kind === 'dropped' && decision.reason).toContain('0.86')
  expect(pool.decide('Write a friendly reply to that customer', 6 / 7).kind).toBe('kept')
  expect(pool.decide('Wholly other words', 0.7)).toEqual({ kind: 'kept', evidence: { 'ROUGE-L': 0 } })
})

test('compares candidates of one response with each other in order', () => {
  const pool = new NoveltyPool()
  const decisions = pool.decideAll(
    ['Name three fruits', 'Name three fruits', 'Name three rivers of Asia'],
    0.7,
  )
  expect(decisions.map(({ kind }) => kind)).toEqual(['kept', 'dropped', 'kept'])
  expect(pool.size).toBe(2)
})

test('decides a thousand texts against twenty thousand', () => {
  const pool = new NoveltyPool()
  const words = Array.from({ length: 3000 }, (_, i) => `w${i}`)
  const make = (i: number): string =>
    Array.from({ length: 20 }, (_, j) =>
      j % 4 === 0 ? 'the' : words[(i * 7919 + j * 104729) % words.length],
    ).join(' ')
  pool.add(...Array.from({ length: 20_000 }, (_, i) => make(i)))
  const decided = Array.from({ length: 1000 }, (_, i) => pool.decide(make(i + 50_000), 0.7))
  expect(decided.every(({ kind }) => kind === 'kept' || kind === 'dropped')).toBe(true)
})
