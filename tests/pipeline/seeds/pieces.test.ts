import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Utf8Decoder } from '../../../src/pipeline/seeds/decode.ts'
import { makeReader } from '../../../src/pipeline/seeds/formats.ts'
import { LineSplitter } from '../../../src/pipeline/seeds/lines.ts'

const soup = fc
  .array(fc.constantFrom('a', 'bc', '\n', '\r', '\r\n', ' ', '"', ',', 'é', '語', '{"prompt": "x"}'), {
    maxLength: 60,
  })
  .map((parts) => parts.join(''))

/** A text cut at some places. */
const cut = (text: string, places: number[]): string[] => {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].toSorted((a, b) => a - b)
  return [0, ...at].map((from, i) => text.slice(from, at[i] ?? text.length))
}

test('lines are the same however the text is cut into pieces', () => {
  fc.assert(
    fc.property(soup, fc.array(fc.nat(), { maxLength: 6 }), (text, places) => {
      const splitter = new LineSplitter()
      const lines = [...cut(text, places).flatMap((piece) => splitter.push(piece)), ...splitter.end()].map(
        (line) => ('text' in line ? line.text : ''),
      )
      const whole = text.split(/\r\n|\n|\r/)
      if (whole.at(-1) === '') whole.pop()
      expect(lines).toEqual(whole)
    }),
    { numRuns: 500 },
  )
})

test.each(['text', 'jsonl', 'json', 'csv', 'tsv'] as const)(
  'rows of %s are the same however the text is cut into pieces',
  (format) => {
    fc.assert(
      fc.property(soup, fc.array(fc.nat(), { maxLength: 6 }), (text, places) => {
        const [one, other] = [makeReader(format), makeReader(format)]
        const whole = [...one.push(text), ...one.end(true)]
        expect([...cut(text, places).flatMap((piece) => other.push(piece)), ...other.end(true)]).toEqual(
          whole,
        )
      }),
      { numRuns: 300 },
    )
  },
)

test('text is the same however its bytes are cut, and a fault is told on its line with all whole lines before it', () => {
  fc.assert(
    fc.property(soup, fc.boolean(), fc.array(fc.nat(), { maxLength: 6 }), (text, faulty, places) => {
      const bytes = new Uint8Array([...new TextEncoder().encode(text), ...(faulty ? [0xc3, 0x28] : [])])
      const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b)
      const pieces = [0, ...at].map((from, i) => bytes.slice(from, at[i] ?? bytes.length))
      const decoder = new Utf8Decoder()
      let out = ''
      let line: number | undefined
      for (const [i, piece] of pieces.entries()) {
        const decoded = decoder.decode(piece, i === pieces.length - 1)
        out += decoded.text
        if (!decoded.ok) {
          line = decoded.line
          break
        }
      }
      if (!faulty) return void expect([out, line]).toEqual([text, undefined])
      expect(line).toBe(text.split('\n').length)
      // Whole lines before the fault are there; of the faulty line at most a beginning.
      expect(text.startsWith(out)).toBe(true)
      expect(out.split('\n').length).toBe(line)
    }),
    { numRuns: 500 },
  )
})
