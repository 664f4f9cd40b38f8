import { expect, test } from 'vitest'
import { adviseOnCut } from '../../../src/pipeline/advice/cut-at-max-tokens.ts'
import { makeFacts } from './make-facts.ts'

test('counts the completions that were cut, and doubles Max tokens', () => {
  expect(adviseOnCut(makeFacts({ cut: 29 }))).toEqual({
    id: 'cut-at-max-tokens',
    sentence: '29 of 40 completions were cut at 160 tokens. Raise Max tokens to 320.',
    remedy: {
      label: 'Set Max tokens to 320',
      change: { kind: 'set', step: 1, field: 'maxTokens', value: 320 },
    },
  })
})

test('leaves room for the prompt in the context, and says so if there is none', () => {
  expect(adviseOnCut(makeFacts({ cut: 29, contextLength: 320 }))?.remedy?.change).toMatchObject({
    value: 240,
  })
  const none = adviseOnCut(makeFacts({ cut: 29, contextLength: 200 }))
  expect(none?.sentence).toMatch(/no room for more in a context of 200 tokens/)
  expect(none?.remedy?.change).toEqual({ kind: 'open', screen: 'teacher' })
})

test('says nothing about a few', () => {
  expect(adviseOnCut(makeFacts({ cut: 2 }))).toBeUndefined()
  expect(adviseOnCut(makeFacts({ cut: 3, completions: 400 }))).toBeUndefined()
})
