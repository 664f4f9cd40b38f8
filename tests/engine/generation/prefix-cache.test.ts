// The common prefix of lists.
import { expect, test } from 'vitest'
import { commonPrefixLength, sharedPrefixLength } from '../../../src/engine/generation/prefix-cache.ts'

test('leaves at least one item of each list after the shared prefix', () => {
  expect(commonPrefixLength([1, 2, 3], [1, 2, 4])).toBe(2)
  expect(
    sharedPrefixLength([
      [1, 2, 3],
      [1, 2, 4],
      [1, 2, 3, 5],
    ]),
  ).toBe(2)
  expect(
    sharedPrefixLength([
      [1, 2],
      [1, 2, 3],
    ]),
  ).toBe(1)
  expect(
    sharedPrefixLength([
      [1, 2, 3],
      [1, 2],
    ]),
  ).toBe(1)
  expect(
    sharedPrefixLength([
      ['a', 'b'],
      ['a', 'b'],
    ]),
  ).toBe(1)
  expect(sharedPrefixLength([[1, 2, 3]])).toBe(2)
})

test('finds no shared prefix without lists, with an empty list and between different first items', () => {
  expect(sharedPrefixLength([])).toBe(0)
  expect(sharedPrefixLength([[], [1, 2]])).toBe(0)
  expect(
    sharedPrefixLength([
      [1, 2],
      [3, 2],
    ]),
  ).toBe(0)
})
