import { expect, test } from 'vitest'
import { FAMILIES } from '../../../src/domain/recipe.ts'
import { FAMILY_TEXTS } from '../../../src/domain/step-flow.ts'
import { describeFlows, describeGives, describeNeed } from '../../../src/ui/recipe/describe-need.ts'

test('a need names its role and what the model must be able to do', () => {
  expect(describeNeed({ role: 'critic', ability: 'scores' })).toBe('critic: scores')
})

test('what passes between steps is named, with “or” where a step takes one of them', () => {
  expect(describeFlows(['seeds'])).toBe('seeds')
  expect(describeFlows(['prompts', 'completions'])).toBe('prompts or completions')
  expect(describeFlows(['completions', 'verdicts'])).toBe('completions and verdicts')
})

test('a step that only drops gives what it keeps; one that writes gives what it writes', () => {
  const same = { takes: ['completions'], gives: ['completions'] } as const
  expect(describeGives('filter', same)).toBe('those it keeps')
  expect(describeGives('complete', same)).toBe('completions')
  expect(describeGives('filter', { takes: ['completions'], gives: ['verdicts'] })).toBe('verdicts')
  for (const family of FAMILIES) expect(describeGives(family, FAMILY_TEXTS[family])).not.toBe('')
})
