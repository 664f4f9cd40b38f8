// Small parts of the endpoint teacher: stop texts across chunks, pauses, the concurrency limit.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seedOf } from '../../../../workers/teachers/endpoint/write-request.ts'
import { retryAfterMs } from '../../../../workers/teachers/endpoint/server-error.ts'
import { ConcurrencyLimit } from '../../../../workers/teachers/endpoint/concurrency-limit.ts'
import { StopCut } from '../../../../workers/teachers/endpoint/stop.ts'

test('ends a text at its first stop text, however it is split, and never shrinks the shown text', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 4 })
  fc.assert(
    fc.property(
      fc.array(letters, { maxLength: 12 }),
      fc.array(letters, { maxLength: 5 }),
      (pieces, stops) => {
        const cut = new StopCut(stops)
        let shown = ''
        for (const piece of pieces) {
          cut.add(piece)
          expect(cut.shown.startsWith(shown)).toBe(true)
          shown = cut.shown
        }
        const whole = pieces.join('')
        const ends = stops
          .filter((stop) => stop !== '')
          .map((stop) => whole.indexOf(stop))
          .filter((at) => at >= 0)
        // The first complete stop text ends the text; one that starts earlier but is not complete by then does not count.
        if (ends.length === 0) expect([cut.text, cut.stopped]).toEqual([whole, false])
        else {
          expect(cut.stopped).toBe(true)
          for (const stop of stops) if (stop !== '') expect(cut.text.includes(stop)).toBe(false)
          expect(whole.startsWith(cut.text)).toBe(true)
          expect(ends).toContain(cut.text.length)
        }
      },
    ),
  )
})

describe('retryAfterMs', () => {
  test.each<[string | null, number | undefined]>([
    ['2', 2000],
    ['0.5', 500],
    [null, undefined],
    ['soon', undefined],
    ['-3', undefined],
    ['99999999', 600_000],
    ['Thu, 01 Jan 1970 00:00:10 GMT', 9000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', undefined],
  ])('reads the Retry-After header “%s”', (header, ms) => {
    expect(retryAfterMs(header, 1000)).toBe(ms)
  })
})

test('halves the concurrency limit when overloaded and raises it one by one', () => {
  const limit = new ConcurrencyLimit(8)
  limit.decrease()
  limit.decrease()
  expect(limit.current).toBe(2)
  for (let i = 0; i < 4; i++) limit.decrease()
  expect(limit.current).toBe(1)
  const opened = Array.from({ length: 40 }, () => (limit.recordSuccess(), limit.current))
  expect(opened.slice(0, 3)).toEqual([2, 2, 3])
  expect(opened.at(-1)).toBe(8)
})

test('maps row names to distinct seeds of 31 bits', () => {
  const seeds = Array.from({ length: 1000 }, (_, i) => seedOf(`row ${i}`))
  expect(new Set(seeds).size).toBe(1000)
  expect(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31)).toBe(true)
  expect(seedOf('row 1')).toBe(seeds[1])
})
