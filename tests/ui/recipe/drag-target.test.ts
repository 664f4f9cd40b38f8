import { expect, test } from 'vitest'
import { findTarget, scrollBy } from '../../../src/ui/recipe/drag-target.ts'

test('an item is dropped behind those whose middles are above the pointer, itself not counted', () => {
  const middles = [10, 30, 50, 70]
  expect(findTarget(middles, 1, 31)).toBe(1)
  expect(findTarget(middles, 1, 5)).toBe(0)
  expect(findTarget(middles, 1, 49)).toBe(1)
  expect(findTarget(middles, 1, 51)).toBe(2)
  expect(findTarget(middles, 1, 999)).toBe(3)
  expect(findTarget(middles, 3, 20)).toBe(1)
})

test('a drag scrolls only near the edges, faster the nearer', () => {
  expect(scrollBy(400, 800)).toBe(0)
  expect(scrollBy(20, 800)).toBeLessThan(scrollBy(60, 800))
  expect(scrollBy(60, 800)).toBeLessThan(0)
  expect(scrollBy(790, 800)).toBeGreaterThan(scrollBy(750, 800))
})
