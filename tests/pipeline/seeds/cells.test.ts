import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CellReader, type CellRow } from '../../../src/pipeline/seeds/cells.ts'

const split = (
  text: string,
  delimiter = ',',
  options: { lenient?: boolean; returns?: boolean } = {},
): CellRow[] =>
  new CellReader({ delimiter, lenient: false, returns: false, line: 1, ...options }).push(text, true)
const cellsOf = (rows: readonly CellRow[]): (readonly string[])[] => rows.map(({ cells }) => cells)

const cell = fc
  .array(fc.constantFrom('a', 'b c', '"', ',', ';', '\n', '\r\n', ' ', 'é', '#', '=', '\t'), { maxLength: 5 })
  .map((parts) => parts.join(''))
const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`

test('returns the cells of any table that is written with quotes, with the line of each row', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
      fc.constantFrom(',', ';', '\t', '|'),
      fc.constantFrom('\n', '\r\n'),
      (table, delimiter, end) => {
        const text = table.map((cells) => cells.map(quote).join(delimiter)).join(end)
        const rows = split(text, delimiter)
        expect(cellsOf(rows)).toEqual(table)
        expect(rows.some(({ malformed }) => malformed)).toBe(false)
        let line = 1
        for (const row of rows) {
          expect(row.line).toBe(line)
          line += row.raw.split('\n').length
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('reads quotes behind blanks, and keeps those that do not enclose a cell', () => {
  expect(cellsOf(split('Say hi, "Hello, you"\nBye,  "See ""you"", then"\n'))).toEqual([
    ['Say hi', 'Hello, you'],
    ['Bye', 'See "you", then'],
  ])
  expect(cellsOf(split('a "word" here,he said "no"'))).toEqual([['a "word" here', 'he said "no"']])
  expect(cellsOf(split('a, "half'))).toEqual([['a', ' "half']])
})

test('reads quotes of tab-separated text only where they enclose whole cells', () => {
  const tabs = (text: string): (readonly string[])[] => cellsOf(split(text, '\t', { lenient: true }))
  expect(tabs('"Hello she said\t1\nBye" he said\t0\n')).toEqual([
    ['"Hello she said', '1'],
    ['Bye" he said', '0'],
  ])
  expect(tabs('"two\nlines"\tx\n"a ""b"""\ty')).toEqual([
    ['two\nlines', 'x'],
    ['a "b"', 'y'],
  ])
})

test('ends rows at a lone carriage return only if that is how the file ends its lines', () => {
  expect(cellsOf(split('a,b\rc\nd,e'))).toEqual([
    ['a', 'b\rc'],
    ['d', 'e'],
  ])
  expect(cellsOf(split('a,b\rc,d', ',', { returns: true }))).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ])
})

test('reads hostile quotes to their end', () => {
  for (const text of [
    `a,"${'"b'.repeat(200_000)}`,
    `${'"'.repeat(400_000)}`,
    `${'x, "y '.repeat(60_000)}`,
    `${'"a"b'.repeat(100_000)}`,
  ])
    for (const lenient of [true, false])
      expect(cellsOf(split(text, ',', { lenient })).length).toBeGreaterThan(0)
})
