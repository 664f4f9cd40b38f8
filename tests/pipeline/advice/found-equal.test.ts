import { expect, test } from 'vitest'
import { adviseOnEqual } from '../../../src/pipeline/advice/found-equal.ts'
import { FOUND_EQUAL } from '../../../src/pipeline/growing/evol-instruct.ts'
import { checked } from '../samples.ts'
import { makeFacts } from './make-facts.ts'

const recipe = checked('retort: 2\nsteps:\n  - grow: evol-instruct\n  - complete: teacher\n')
const facts = (found: number, of = recipe) => {
  const { funnel, ...others } = makeFacts({})
  const [bar, ...bars] = funnel
  return {
    ...others,
    recipe: of,
    funnel: [
      { ...bar!, reached: 48, passed: 48 - found, reasons: [{ reason: FOUND_EQUAL, count: found }] },
      ...bars,
    ],
  }
}

test('a teacher that finds everything equal is no judge of that, and the comparison can be switched off', () => {
  const advice = adviseOnEqual(facts(48))
  expect(advice?.sentence).toMatch(/^The teacher found 48 of 48 evolved prompts equal to the one before\./)
  expect(advice?.remedy?.change).toEqual({ kind: 'set', step: 0, field: 'checkEquality', value: false })
})

test('nothing is said where it finds some, or of another way of growing', () => {
  expect(adviseOnEqual(facts(20))).toBeUndefined()
  expect(adviseOnEqual(facts(48, makeFacts({}).recipe))).toBeUndefined()
})
