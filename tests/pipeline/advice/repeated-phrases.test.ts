import { expect, test } from 'vitest'
import { adviseOnPhrases } from '../../../src/pipeline/advice/repeated-phrases.ts'
import { makeFacts, readRecipe, RECIPE } from './make-facts.ts'

const drops = { repetition: [{ reason: 'more than 20 % of its phrases are repeated', count: 16 }] }

test('raises the penalty, or suggests another teacher if it is high already', () => {
  expect(adviseOnPhrases(makeFacts({ drops }))).toMatchObject({
    sentence:
      '16 of 40 completions repeat their own phrases. Raise the repetition penalty of Complete from 1 to 1.1.',
    remedy: { change: { kind: 'set', step: 1, field: 'repetitionPenalty', value: 1.1 } },
  })
  const recipe = readRecipe(RECIPE.replace('repetitionPenalty: 1', 'repetitionPenalty: 1.3'))
  expect(adviseOnPhrases(makeFacts({ drops, recipe }))?.remedy?.change).toEqual({
    kind: 'open',
    screen: 'teacher',
  })
})
