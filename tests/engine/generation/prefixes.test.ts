// Where lists part.
import { expect, test } from 'vitest'
import { countCommon, sharedLength } from '../../../src/engine/generation/prefixes.ts'

test('what lists begin with alike leaves one item of each at least', () => {
  expect(countCommon([1, 2, 3], [1, 2, 4])).toBe(2)
  expect(
    sharedLength([
      [1, 2, 3],
      [1, 2, 4],
      [1, 2, 3, 5],
    ]),
  ).toBe(2)
  expect(
    sharedLength([
      [1, 2],
      [1, 2, 3],
    ]),
  ).toBe(1)
  expect(
    sharedLength([
      [1, 2, 3],
      [1, 2],
    ]),
  ).toBe(1)
  expect(
    sharedLength([
      ['a', 'b'],
      ['a', 'b'],
    ]),
  ).toBe(1)
  expect(sharedLength([[1, 2, 3]])).toBe(2)
})

test('nothing is shared by no list, with an empty one, and by those that differ at once', () => {
  expect(sharedLength([])).toBe(0)
  expect(sharedLength([[], [1, 2]])).toBe(0)
  expect(
    sharedLength([
      [1, 2],
      [3, 2],
    ]),
  ).toBe(0)
})
