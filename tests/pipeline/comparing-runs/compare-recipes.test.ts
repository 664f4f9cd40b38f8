import { expect, test } from 'vitest'
import { compareRecipes } from '../../../src/pipeline/comparing-runs/compare-recipes.ts'
import { readRecipe } from '../../actions/small-project.ts'

const recipe = (steps: string, rngSeed = 1) =>
  readRecipe(`retort: 2\nname: Test\nrngSeed: ${rngSeed}\nsteps:\n${steps}`)
const TEACHER = '  - complete: teacher\n'

test('a recipe does not differ from itself, nor by defaults that are written out', () => {
  const steps = `${TEACHER}  - filter: length\n`
  expect(compareRecipes(recipe(steps), recipe(steps))).toEqual([])
  expect(compareRecipes(recipe(TEACHER), recipe('  - complete: teacher\n    n: 1\n'))).toEqual([])
})

test('names a changed setting by its label, with both values', () => {
  const [one, two] = [4, 9].map((min) => recipe(`${TEACHER}  - filter: length\n    min: ${min}\n`))
  const [difference, ...rest] = compareRecipes(one!, two!)
  expect(rest).toEqual([])
  expect(difference).toMatchObject({ step: 'Length', first: '4', second: '9' })
})

test('compares steps by family and name, the nth with the nth, wherever they are', () => {
  const judge = '  - judge: rubric\n  - judge: rubric\n    rubric: correctness@1\n'
  const differences = compareRecipes(
    recipe(`${TEACHER}  - filter: length\n${judge}`, 1),
    recipe(`${TEACHER}${judge.replace('correctness@1', 'helpfulness@1')}  - filter: repetition\n`, 2),
  )
  expect(differences).toMatchObject([
    { setting: 'Random seed', first: '1', second: '2' },
    { step: 'Length', setting: 'Step', first: 'step 2' },
    { first: 'correctness@1', second: 'helpfulness@1' },
    { setting: 'Step', second: 'step 4' },
  ])
})

test('names which of several equal steps a setting is of, by the title that the first run gives it', () => {
  const write = (max: number) =>
    recipe(
      `${TEACHER}${TEACHER}    by: second-teacher\n    maxTokens: ${max}\n  - judge: rubric\n  - keep: top\n`,
    )
  const maxTokens = { setting: 'Max tokens', first: '32', second: '24' }
  const [difference, ...rest] = compareRecipes(write(32), write(24))
  expect(rest).toEqual([])
  expect(difference).toMatchObject(maxTokens)
  expect(difference?.step).toMatch(/^Complete \(second-teacher/)
})

test('reports another order of the same steps once', () => {
  const [a, b] = ['  - filter: length\n', '  - filter: repetition\n']
  const differences = compareRecipes(recipe(TEACHER + a + b), recipe(TEACHER + b + a))
  expect(differences).toHaveLength(1)
  expect(differences[0]).toMatchObject({ setting: 'Order of the steps' })
})
