import { expect, test } from 'vitest'
import { dropped, kept, type FilterDecision } from '../../src/domain/filter-decision.ts'
import { FunnelTally, shortenReason } from '../../src/pipeline/funnel.ts'
import { checked } from './samples.ts'

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
  // Limits stay, whatever else the evidence has.
  [dropped('3 words, fewer than 4', { words: 3, min: 4 }), 'fewer than 4 words'],
  [dropped('3 words, fewer than 4', { min: 4, words: 3 }), 'fewer than 4 words'],
  [dropped('score 2.31, below 2.5', { score: 2.3123, min: 2.5 }), 'score below 2.5'],
  [dropped('score 2.50, below 2.5', { score: 2.4999, min: 2.5 }), 'score below 2.5'],
  [dropped('not in the top 3', { score: 3, place: 9 }), 'not in the top 3'],
  [dropped('not in the top 3', { score: 3.2 }), 'not in the top 3'],
  [
    dropped('the field “size 2” does not match “at most “50””', { 'size 2': 50.4, other: 2 }),
    'the field “size 2” does not match “at most “50””',
  ],
  [dropped('ROUGE-L 0.85, above 0.85', { echo: 0.8511, max: 0.85 }), 'ROUGE-L above 0.85'],
])('a reason without its measured number reads as a sentence: %#', (decision, short) => {
  expect(shorten(decision)).toBe(short)
})

test('what a step could not read of a model is counted in its bar, without being a drop', () => {
  const tally = new FunnelTally(
    checked(
      'retort: 2\nsteps:\n  - complete: teacher\n  - tag: template\n  - filter: field\n    field: unreadable\n',
    ),
  )
  const unreadable = { unreadable: 'the response has no number' }
  for (const decision of [kept(unreadable), kept(unreadable), kept({ response: '4' })])
    tally.countRow({
      decisions: [
        { step: 1, name: 'template', decision },
        // A field of this name is a filter's evidence: it could be read.
        { step: 2, name: 'field', decision: kept({ unreadable: 'x' }) },
      ],
    })
  const [, tag, filter] = tally.bars()
  expect(tag).toMatchObject({
    reached: 3,
    passed: 3,
    reasons: [{ reason: 'unreadable response: the response has no number', count: 2 }],
  })
  expect(filter).toMatchObject({ passed: 3, reasons: [] })
})
