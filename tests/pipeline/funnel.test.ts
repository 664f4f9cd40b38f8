import { expect, test } from 'vitest'
import { dropped, type FilterDecision } from '../../src/domain/filter-decision.ts'
import { shortenReason } from '../../src/pipeline/funnel.ts'

const shorten = (decision: FilterDecision): string => shortenReason({ step: 1, name: 'x', decision })

test.each([
  [dropped('3 words, fewer than 4', { words: 3 }), 'fewer than 4 words'],
  [dropped('1 word, fewer than 4', { words: 1 }), 'fewer than 4 words'],
  [dropped('151 words, more than 150', { words: 151 }), 'more than 150 words'],
  [
    dropped('37 % of its phrases are repeated, more than 20 %', { percent: 37 }),
    'more than 20 % of its phrases are repeated',
  ],
  [dropped('score 2.31, below 2.5', { score: 2.3123 }), 'score below 2.5'],
  [
    dropped('repeats its prompt: ROUGE-L 0.85, above 0.8', { echo: 0.8491 }),
    'repeats its prompt: ROUGE-L above 0.8',
  ],
  [dropped('no final answer', {}), 'no final answer'],
])('a reason without its measured number reads as a sentence: %#', (decision, short) => {
  expect(shorten(decision)).toBe(short)
})
