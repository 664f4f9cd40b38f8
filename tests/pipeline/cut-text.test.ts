import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { firstOf, lastOf } from '../../src/pipeline/cut-text.ts'

const FAMILY = '👩‍👩‍👧‍👦'

/** True if every surrogate has its partner: only then is the text encodable. */
const isWellFormed = (text: string): boolean => !/\p{Cs}/u.test(text)

describe('cutting a text', () => {
  test('keeps a short text', () => {
    expect(firstOf('rain', 4)).toBe('rain')
    expect(lastOf('rain', 4)).toBe('rain')
  })
  test('splits no emoji, no accent and no joined emoji', () => {
    expect(firstOf('a🙂b', 2)).toBe('a')
    expect(lastOf('a🙂b', 2)).toBe('b')
    expect(firstOf(`x${FAMILY}y`, 5)).toBe('x')
    expect(lastOf(`x${FAMILY}y`, 5)).toBe('y')
    expect(firstOf('cafe\u0301s', 4)).toBe('caf')
    expect(lastOf('cafe\u0301s', 2)).toBe('s')
  })
  test('cuts an endless chain of marks between code points', () => {
    const chain = `a${'\u0301'.repeat(500)}`
    expect(firstOf(chain, 300).length).toBeGreaterThan(200)
  })
  test('never grows, never breaks a surrogate pair, and joins back to the text', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 })
    fc.assert(
      fc.property(text, fc.nat(80), (value, limit) => {
        const [first, last] = [firstOf(value, limit), lastOf(value, limit)]
        expect(first.length).toBeLessThanOrEqual(Math.max(limit, 0))
        expect(last.length).toBeLessThanOrEqual(Math.max(limit, 0))
        expect(value.startsWith(first) && value.endsWith(last)).toBe(true)
        expect([first, last].map(isWellFormed)).toEqual([true, true])
      }),
    )
  })
})
