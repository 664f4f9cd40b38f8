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

/** A text cut at the given places. */
const cut = (text: string, places: number[]): string[] => {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].toSorted((a, b) => a - b)
  return [0, ...at].map((from, i) => text.slice(from, at[i] ?? text.length))
}

test('splits the same lines however the text is cut into pieces', () => {
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
  'reads the same rows of %s however the text is cut into pieces',
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

test('decodes the same text however its bytes are cut, and reports the line of an invalid byte', () => {
  fc.assert(
    fc.property(soup, fc.boolean(), fc.array(fc.nat(), { maxLength: 6 }), (text, invalid, places) => {
      const bytes = new Uint8Array([...new TextEncoder().encode(text), ...(invalid ? [0xc3, 0x28] : [])])
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
      if (!invalid) return void expect([out, line]).toEqual([text, undefined])
      expect(line).toBe(text.split('\n').length)
      // All lines before the invalid one are complete; of the invalid line there may be a prefix.
      expect(text.startsWith(out)).toBe(true)
      expect(out.split('\n').length).toBe(line)
    }),
    { numRuns: 500 },
  )
})
