import { expect, test } from 'vitest'
import { adviseOnSimilar } from '../../../src/pipeline/advice/similar-completions.ts'
import { makeFacts, readRecipe, RECIPE } from './make-facts.ts'

const similar = {
  novelty: [{ reason: 'too similar to an earlier completion: ROUGE-L above 0.7', count: 18 }],
}

test('raises the temperature if completions resemble each other', () => {
  const advice = adviseOnSimilar(makeFacts({ drops: similar }))
  expect(advice?.sentence).toBe(
    '18 of 40 completions are too similar to an earlier one. Raise the temperature of Complete from 0.7 to 0.9.',
  )
  expect(advice?.remedy?.change).toEqual({ kind: 'set', step: 1, field: 'temperature', value: 0.9 })
})

test('suggests seeds if the temperature is high already', () => {
  const recipe = readRecipe(
    RECIPE.replace('temperature: 0.7\n    maxTokens', 'temperature: 1.2\n    maxTokens'),
  )
  expect(adviseOnSimilar(makeFacts({ drops: similar, recipe }))?.remedy?.change).toEqual({
    kind: 'open',
    screen: 'seeds',
  })
})

test('names a teacher that repeats its prompts', () => {
  const drops = { novelty: [{ reason: 'repeats its prompt: ROUGE-L above 0.8', count: 18 }] }
  expect(adviseOnSimilar(makeFacts({ drops }))?.sentence).toMatch(/^18 of 40 completions repeat their prompt/)
})
