import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { measureCommon, measureRougeL } from '../../src/pipeline/rouge.ts'

const saved = JSON.parse(readFileSync(new URL('../oracles/rouge.json', import.meta.url), 'utf8')) as [
  string,
  string,
  number,
][]

test('equals the reference package on every saved pair', () => {
  expect(saved.length).toBeGreaterThan(300)
  expect(saved.filter(([, , score]) => score > 0.7 && score < 1).length).toBeGreaterThan(20) // the decisive range is covered
  for (const [a, b, score] of saved)
    expect(Math.abs(measureRougeL(a, b) - score), `${a} | ${b}`).toBeLessThanOrEqual(1e-12)
})

test('is symmetric, from 0 to 1, 1 for equal texts and 0 for an empty one', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      const score = measureRougeL(a, b)
      expect(score).toBe(measureRougeL(b, a))
      expect(score >= 0 && score <= 1).toBe(true)
      expect(measureRougeL(a, '')).toBe(0)
    }),
  )
  expect(measureRougeL('The shop is open.', 'the SHOP is open')).toBe(1)
})

test('compares texts in scripts that the reference discards', () => {
  expect(measureRougeL('我想退货', '我想退货')).toBe(1)
  expect(measureRougeL('我想退货', '今天下雨')).toBe(0)
  expect(measureRougeL('Où est la gare ?', 'Où est la gare')).toBe(1)
})

test('finds the longest common subsequence', () => {
  // The plain recursion as the reference for the single-row version.
  const slow = (a: string, b: string): number =>
    a === '' || b === ''
      ? 0
      : a[0] === b[0]
        ? 1 + slow(a.slice(1), b.slice(1))
        : Math.max(slow(a.slice(1), b), slow(a, b.slice(1)))
  const word = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 })
  fc.assert(
    fc.property(word, word, (a, b) => void expect(measureCommon(a, b)).toBe(slow(a.join(''), b.join('')))),
  )
})

test('compares emoji, punctuation and both forms of an accent', () => {
  for (const text of ['🙂🙂', '?!', '...', '“ ”', 'cafe\u0301']) expect(measureRougeL(text, text)).toBe(1)
  expect(measureRougeL('café', 'cafe\u0301')).toBe(1)
  expect(measureRougeL('🙂🙂', '🙃🙃')).toBe(0)
  expect(measureRougeL('?!', 'rain')).toBe(0)
  expect(measureRougeL(' ', ' ')).toBe(0)
})
