import { expect, test } from 'vitest'
import { nameColumns } from '../../src/domain/column-mapping.ts'

test('names of columns are unique, whatever the header has', () => {
  expect(nameColumns(['a', ' a ', 'a (2)', '', 'a', 'Column 4'], true)).toEqual([
    'a',
    'a (2)',
    'a (2) (2)',
    'Column 4',
    'a (3)',
    'Column 4 (2)',
  ])
  expect(nameColumns(['a', 'a'], false)).toEqual(['Column 1', 'Column 2'])
})

test('a header of 30,000 equal names is numbered without counting from the start for each', () => {
  const names = nameColumns(Array<string>(30_000).fill('a'), true)
  expect(new Set(names).size).toBe(30_000)
  expect(names.at(-1)).toBe('a (30000)')
})
