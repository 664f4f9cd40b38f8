import { expect, test } from 'vitest'
import { countWords, tokensOf } from '../../src/pipeline/words.ts'

test('counts runs without white space, and characters in scripts without spaces', () => {
  expect(countWords('')).toBe(0)
  expect(countWords('  one\ttwo\n three ')).toBe(3)
  expect(countWords('well-known, e.g. this')).toBe(3)
  expect(countWords('我想退货。')).toBe(4)
  expect(countWords('用 Python 写')).toBe(3)
  expect(countWords('iPhone手机')).toBe(3)
})

test('splits text into lower case letters and digits with their marks', () => {
  expect(tokensOf("It's 3.5 e-mails!")).toEqual(['it', 's', '3', '5', 'e', 'mails'])
  expect(tokensOf('नमस्ते दुनिया')).toEqual(['नमस्ते', 'दुनिया'])
  expect(tokensOf('用Python写')).toEqual(['用', 'python', '写'])
})
