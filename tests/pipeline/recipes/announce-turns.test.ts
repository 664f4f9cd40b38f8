import { expect, test } from 'vitest'
import { announceTurns } from '../../../src/pipeline/recipes/announce-turns.ts'
import { describeAs, DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'
import { castInTurns, sized } from '../../stand-ins/turns.ts'
import { checked } from '../samples.ts'

const recipe = checked(
  'retort: 2\nsteps:\n  - grow: self-instruct\n  - complete: teacher\n  - judge: rubric\n  - freeze: split\n  - train: forward-kl\n',
)

test('a judge that does not fit next to the teacher is announced with its time; one that fits, or is served, is not', () => {
  const teacher = sized(DESCRIPTION, 400)
  expect(announceTurns(recipe, castInTurns({ teacher, judge: sized(OTHER, 400) }))).toEqual([
    'The judge does not fit next to the teacher: it is loaded after all completions are written, in place of the teacher.',
  ])
  expect(announceTurns(recipe, castInTurns({ teacher, judge: sized(OTHER, 100) }))).toEqual([])
  expect(announceTurns(recipe, castInTurns({ teacher, judge: { ...OTHER, backend: 'server' } }))).toEqual([])
  expect(announceTurns(recipe, { teacher: DESCRIPTION, judge: OTHER })).toEqual([])
})

test('a role that the recipe does not have is not announced, nor one whose work the teacher does', () => {
  const teacher = sized(DESCRIPTION, 400)
  expect(announceTurns(recipe, castInTurns({ teacher, critic: sized(describeAs('Critic'), 400) }))).toEqual(
    [],
  )
  expect(announceTurns(recipe, castInTurns({ teacher }))).toEqual([])
})
