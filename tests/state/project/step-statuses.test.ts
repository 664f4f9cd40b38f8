import { expect, test } from 'vitest'
import { stepStatuses } from '../../../src/state/project/step-statuses.ts'
import type { LoadProgress } from '../../../src/protocol/teacher.ts'
import { Task } from '../../../src/state/parts/task.svelte.ts'
import { DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'

const statusesWith = (seeds: number, problems: number) =>
  stepStatuses({
    seeds: { task: new Task(), count: seeds },
    teacher: { loading: new Task(), available: undefined },
    roles: { all: [] },
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
      teacher: { loading: new Task(), available: teacher ? DESCRIPTION : undefined },
      roles: { all: [{ role: 'judge', loading: new Task(), available: judge ? OTHER : undefined }] },
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

test('stepStatuses names every role that has a model of its own, and one that is being loaded', () => {
  const statusOf = (loading: Task<LoadProgress>): string =>
    stepStatuses({
      seeds: { task: new Task(), count: 1 },
      teacher: { loading: new Task(), available: DESCRIPTION },
      roles: {
        all: [
          { role: 'teacher', loading: new Task(), available: DESCRIPTION },
          { role: 'judge', loading: new Task(), available: undefined },
          { role: 'embedder', loading: new Task(), available: OTHER },
          { role: 'critic', loading, available: OTHER },
        ],
      },
      recipe: { problems: [], changed: false },
      runs: { task: new Task(), latest: undefined, kept: 0 },
      datasets: { list: [] },
      students: { task: new Task(), latest: undefined },
      comparisons: { task: new Task(), latest: undefined },
    }).teacher.long
  expect(statusOf(new Task<LoadProgress>())).toBe('loaded, and an embedder and a critic of its own')
  const loading = new Task<LoadProgress>()
  void loading.do(() => new Promise(() => undefined))
  expect(statusOf(loading)).toBe('loading the critic')
})
