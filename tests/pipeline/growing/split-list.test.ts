import { expect, test } from 'vitest'
import { splitList } from '../../../src/pipeline/growing/split-list.ts'

test('splits at every number of a list that counts up', () => {
  expect(splitList(' a\n9. b\n10) c\n11 . d', 8)).toEqual([' a', ' b', ' c', ' d'])
  expect(splitList('\n1. a\n2. b')).toEqual(['', ' a', ' b'])
})

test('splits at numbers that a teacher miscounted', () => {
  expect(splitList(' a\n1. b\n1. c\n2. d', 8)).toEqual([' a', ' b', ' c', ' d'])
  expect(splitList(' a\n12. b\n13. c', 8)).toEqual([' a', ' b', ' c'])
})

test('keeps a list inside an item if the outer numbers resume after it', () => {
  expect(splitList(' a:\n1. x\n2. y\n9. b', 8)).toEqual([' a:\n1. x\n2. y', ' b'])
  expect(splitList(' a\n 1. x\n 2. y\n9. b\n1. z\n10. c', 8)).toEqual([' a\n 1. x\n 2. y', ' b\n1. z', ' c'])
})

test('keeps a list at the end of the last item if a colon announces it', () => {
  expect(splitList(' a\n9. Sort these:\n1. x\n2. y', 8)).toEqual([' a', ' Sort these:\n1. x\n2. y'])
  expect(splitList(' a\n9. b\n1. x\n2. y', 8)).toEqual([' a', ' b', ' x', ' y'])
})

test('is no number: a decimal, a year in a sentence', () => {
  expect(splitList(' a\n3.5 km away\n2024 was wet', 8)).toHaveLength(1)
})
