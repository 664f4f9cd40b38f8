import { expect, test } from 'vitest'
import { titleSteps } from '../../../src/pipeline/recipes/step-titles.ts'

const judge = (settings: Record<string, string> = {}) => ({
  family: 'judge' as const,
  name: 'rubric',
  settings,
})
const filter = (name: string, settings: Record<string, number> = {}) => ({
  family: 'filter' as const,
  name,
  settings,
})

test('a step has its title, and one that is not known its name', () => {
  expect(titleSteps([filter('length'), judge(), filter('lenght')])).toEqual([
    'Length',
    'Judge by a rubric',
    'filter: lenght',
  ])
})

test('steps of one title are distinguished by the settings in which they differ, names before numbers', () => {
  expect(titleSteps([judge(), filter('length'), judge({ rubric: 'correctness@1', by: 'critic' })])).toEqual([
    'Judge by a rubric (judge, helpfulness@1)',
    'Length',
    'Judge by a rubric (critic, correctness@1)',
  ])
  expect(titleSteps([filter('length', { min: 3 }), filter('length', { min: 5, max: 20 })])).toEqual([
    'Length (min words 3, max words 400)',
    'Length (min words 5, max words 20)',
  ])
})

test('steps that do not differ are numbered', () => {
  expect(titleSteps([judge(), judge(), judge({ by: 'critic' })])).toEqual([
    'Judge by a rubric (judge), 1',
    'Judge by a rubric (judge), 2',
    'Judge by a rubric (critic)',
  ])
})
