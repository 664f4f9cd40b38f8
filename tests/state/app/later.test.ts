// Knows: that work whose code cannot be fetched is refused with a sentence, when it starts.
import { expect, test, vi } from 'vitest'
import { readRunFacts, tryFive } from '../../../src/state/app/later.ts'
import { Task } from '../../../src/state/parts/task.svelte.ts'
import type { TryProgress } from '../../../src/actions/recipe/try-five.ts'
import { freshId } from '../../../src/domain/id.ts'
import { readRecipe } from '../../actions/small-project.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { makeEnvironment } from '../make-environment.ts'

vi.mock('../../../src/actions/recipe/try-five.ts', () => {
  throw new Error('Failed to fetch dynamically imported module')
})

test('a file that cannot be fetched is reported in words, and the task can start again', async () => {
  const { machines } = await makeEnvironment()
  const task = new Task<TryProgress>()
  const projectId = freshId('project')
  expect(
    await task.follow(() => tryFive(machines, { projectId, recipe: readRecipe(), teacher: DESCRIPTION })),
  ).toBeUndefined()
  expect(task.error).toMatch(
    /^This could not start, because a file of the page could not be fetched\. .* reload the page\.$/,
  )
  expect(task.running).toBe(false)
})

test('other errors of the work stay as they are', async () => {
  const { machines } = await makeEnvironment()
  const given = [machines.db, undefined] as unknown as Parameters<typeof readRunFacts>
  await expect(readRunFacts(...given)).rejects.toThrow(TypeError)
})
