import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StepDraft } from '../../../src/domain/recipe.ts'
import { checkOrder } from '../../../src/pipeline/recipes/check-steps.ts'
import { defaultRecipe, defaultStep } from '../../../src/pipeline/recipes/default-recipe.ts'
import {
  findMoveProblems,
  findPlace,
  findSwapProblems,
  moveStep,
} from '../../../src/pipeline/recipes/place-step.ts'
import { stepDeclarations } from '../../../src/pipeline/steps.ts'

const drafts = stepDeclarations.map(defaultStep)
const anySteps = fc.array(fc.constantFrom(...drafts), { maxLength: 12 })
const countProblems = (steps: readonly StepDraft[]): number => checkOrder(steps).length

describe('a place for a new step', () => {
  it('adds no problem to a valid recipe where one exists, whatever the step', () => {
    const { steps } = defaultRecipe()
    expect(countProblems(steps)).toBe(0)
    for (const step of drafts) {
      const { at, problems } = findPlace(steps, step)
      const after = steps.toSpliced(at, 0, step)
      const best = Math.min(
        ...Array.from({ length: steps.length + 1 }, (_, i) => countProblems(steps.toSpliced(i, 0, step))),
      )
      expect(countProblems(after)).toBe(best)
      expect(problems).toHaveLength(best)
    }
  })

  it('is behind the other steps of its family', () => {
    const { steps } = defaultRecipe()
    const last = steps.findLastIndex(({ family }) => family === 'filter')
    const filter = drafts.find(({ family }) => family === 'filter') as StepDraft
    expect(findPlace(steps, filter)).toEqual({ at: last + 1, problems: [] })
  })

  it('is found in an empty recipe and in any other', () => {
    fc.assert(
      fc.property(anySteps, fc.constantFrom(...drafts), (steps, step) => {
        const { at } = findPlace(steps, step)
        expect(at).toBeGreaterThanOrEqual(0)
        expect(at).toBeLessThanOrEqual(steps.length)
      }),
    )
  })
})

describe('a move', () => {
  it('has problems exactly if the recipe has more of them afterwards', () => {
    fc.assert(
      fc.property(anySteps, fc.nat(12), fc.nat(12), (steps, from, to) => {
        const after = moveStep(steps, from, to)
        expect(after.toSorted(byName)).toEqual(steps.toSorted(byName))
        if (countProblems(after) > countProblems(steps))
          expect(findMoveProblems(steps, from, to)).not.toEqual([])
        if (countProblems(after) === 0) expect(findMoveProblems(steps, from, to)).toEqual([])
      }),
    )
  })

  it('reports only problems that were not there before', () => {
    const { steps } = defaultRecipe()
    const broken = steps.filter(({ family }) => family !== 'complete')
    expect(countProblems(broken)).toBe(1)
    const filter = broken.findIndex(({ family }) => family === 'filter')
    expect(findMoveProblems(broken, filter, filter + 1)).toEqual([])
    expect(findMoveProblems(broken, broken.length - 1, 0)).not.toEqual([])
  })
})

it('a replaced step of the same family adds no problem of order', () => {
  const { steps } = defaultRecipe()
  for (const step of drafts.filter(({ family }) => family === 'train'))
    expect(
      findSwapProblems(
        steps,
        steps.findIndex(({ family }) => family === 'train'),
        step,
      ),
    ).toEqual([])
})

const byName = (a: StepDraft, b: StepDraft): number =>
  `${a.family}/${a.name}` < `${b.family}/${b.name}` ? -1 : 1
