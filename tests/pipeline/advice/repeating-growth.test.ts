import { expect, test } from 'vitest'
import { adviseOnGrowth } from '../../../src/pipeline/advice/repeating-growth.ts'
import { makeFacts } from './make-facts.ts'

const repeats = (count: number) => ({
  'self-instruct': [{ reason: 'too similar to an earlier prompt: ROUGE-L above 0.7', count }],
})

test('counts grown prompts that resemble others, and raises the temperature of growth', () => {
  const advice = adviseOnGrowth(makeFacts({ drops: repeats(24) }))
  expect(advice?.sentence).toBe(
    'Growth repeats itself: 24 of 40 prompts resemble a seed or an earlier prompt, and only 16 of 40 were found. Raise its temperature from 0.7 to 0.9, or add seeds.',
  )
  expect(advice?.remedy?.change).toEqual({ kind: 'set', step: 0, field: 'temperature', value: 0.9 })
})

test('says nothing about a few repeats, or about prompts dropped for other reasons', () => {
  expect(adviseOnGrowth(makeFacts({ drops: repeats(4) }))).toBeUndefined()
  expect(
    adviseOnGrowth(makeFacts({ drops: { 'self-instruct': [{ reason: 'fewer than 4 words', count: 30 }] } })),
  ).toBeUndefined()
})
