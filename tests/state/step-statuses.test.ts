import { expect, test } from 'vitest'
import { stepStatuses } from '../../src/state/step-statuses.ts'
import { Task } from '../../src/state/task.svelte.ts'
import { DESCRIPTION, OTHER } from '../stand-ins/teacher.ts'

const statusesWith = (seeds: number, problems: number) =>
  stepStatuses({
    seeds: { task: new Task(), count: seeds },
    teacher: { loading: new Task(), description: undefined },
    recipe: { problems: Array.from({ length: problems }, () => ({ sentence: 'Wrong.' })), changed: false },
    runs: { task: new Task(), latest: undefined, kept: 0 },
    datasets: { list: [] },
    students: { task: new Task(), latest: undefined },
    comparisons: { task: new Task(), latest: undefined },
  })

test('stepStatuses counts seeds and problems in the singular and the plural', () => {
  expect([statusesWith(1, 1).seeds.long, statusesWith(1, 1).recipe.long]).toEqual(['1 seed', '1 problem'])
  expect([statusesWith(2, 3).seeds.long, statusesWith(2, 3).recipe.long]).toEqual(['2 seeds', '3 problems'])
  expect(statusesWith(0, 0).seeds.long).toBe('none yet')
})

test('stepStatuses names a judge of its own next to the teacher', () => {
  const statusOf = (teacher: boolean, judge: boolean): string =>
    stepStatuses({
      seeds: { task: new Task(), count: 1 },
      teacher: { loading: new Task(), description: teacher ? DESCRIPTION : undefined },
      judge: { loading: new Task(), description: judge ? OTHER : undefined },
      recipe: { problems: [], changed: false },
      runs: { task: new Task(), latest: undefined, kept: 0 },
      datasets: { list: [] },
      students: { task: new Task(), latest: undefined },
      comparisons: { task: new Task(), latest: undefined },
    }).teacher.long
  expect([
    statusOf(true, false),
    statusOf(true, true),
    statusOf(false, true),
    statusOf(false, false),
  ]).toEqual(['loaded', 'loaded, and a judge of its own', 'not loaded, only a judge is', 'not loaded'])
})
