// A trial runs five rows through every step, estimates the whole run, and stores nothing but the replies of its calls.
import { expect, test, vi } from 'vitest'
import { tryFive, type TryProgress } from '../../../src/actions/recipe/try-five.ts'
import type { ProjectId } from '../../../src/domain/id.ts'
import { countSeeds } from '../../../src/storage/seeds.ts'
import { finish, makeMachines, type TestMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { makeSmallProject, readRecipe, SEEDS } from '../small-project.ts'

const recipe = readRecipe()
const trial = (machines: TestMachines, projectId: ProjectId, signal?: AbortSignal, text = recipe) =>
  tryFive(machines, { projectId, recipe: text, teacher: DESCRIPTION }, signal)

async function countStored({ db }: TestMachines): Promise<Record<string, number>> {
  const counts = await Promise.all(
    [...db.objectStoreNames].map(async (store): Promise<[string, number]> => [store, await db.count(store)]),
  )
  return Object.fromEntries(counts)
}

test('tryFive runs five rows through all steps and stores only replies', async () => {
  const machines = await makeMachines()
  const projectId = await makeSmallProject(machines)
  const before = await countStored(machines)
  const reports: TryProgress[] = []
  const { rows, estimate, note } = await finish(trial(machines, projectId), (progress) =>
    reports.push(progress),
  )
  expect(rows).toHaveLength(5)
  expect(
    rows.every(
      ({ status, completion }) => completion !== undefined && (status === 'kept' || status === 'dropped'),
    ),
  ).toBe(true)
  expect(rows.every(({ grown }) => grown)).toBe(true)
  expect(note).toBeUndefined()
  for (const { status, verdicts } of rows)
    if (status === 'kept') expect(verdicts?.[0]?.verdict.kind).toBe('score')
  // 5 prompts wanted, 2 completions each.
  expect(estimate.rows).toBe(10)
  expect(estimate.msTotal).toBeGreaterThan(0)
  expect(estimate.storageBytes).toBeGreaterThan(10 * 1600)
  expect(reports.at(-1)).toMatchObject({
    total: 15,
    sentence: expect.stringMatching(/^Selecting the rows to keep: \d of \d\.$/),
  })
  const { calls = 0, callUses, ...others } = await countStored(machines)
  expect(calls).toBeGreaterThan(5)
  expect({ ...others, calls: 0, callUses: 0 }).toEqual(before)
  expect(callUses).toBe(calls)
})

test('tryFive returns the same rows each time', async () => {
  const machines = await makeMachines()
  const projectId = await makeSmallProject(machines)
  const texts = async () =>
    (await finish(trial(machines, projectId))).rows.map(({ prompt, completion, status }) => [
      prompt,
      completion?.text,
      status,
    ])
  expect(await texts()).toEqual(await texts())
})

test('tryFive repeats no call if the time of an earlier trial is known, and gives the same estimate', async () => {
  const machines = await makeMachines()
  const projectId = await makeSmallProject(machines)
  const first = await finish(trial(machines, projectId))
  const made = machines.standIn.resultCount
  await finish(trial(machines, projectId))
  expect(machines.standIn.resultCount).toBe(2 * made) // without known times they are measured again
  const again = await finish(
    tryFive(machines, { projectId, recipe, teacher: DESCRIPTION, earlier: first.measures }),
  )
  expect(machines.standIn.resultCount).toBe(2 * made)
  expect(again.rows.map(({ completion, status }) => [completion?.text, status])).toEqual(
    first.rows.map(({ completion, status }) => [completion?.text, status]),
  )
  expect(again.estimate).toEqual(first.estimate)
})

test('tryFive uses the seeds as prompts if nothing is grown or growing yields nothing', async () => {
  const machines = await makeMachines()
  const projectId = await makeSmallProject(machines)
  const plain = await finish(
    trial(
      machines,
      projectId,
      undefined,
      readRecipe('retort: 2\nname: Plain\nsteps:\n  - complete: teacher\n'),
    ),
  )
  expect(plain.rows.map(({ prompt, grown, status }) => [prompt, grown, status])).toEqual(
    SEEDS.slice(0, 5).map((seed) => [seed, false, 'kept']),
  )
  machines.standIn.beforeResult = (_, id) => (id.startsWith('grow') ? { refusal: 'too long' } : undefined)
  const barren = await finish(trial(machines, projectId))
  expect(barren.rows.filter(({ grown }) => grown)).toEqual([])
  expect(barren.note).toMatch(/^Growing yielded 0 usable prompts in \d+ requests; seeds fill/)
})

test('tryFive can be cancelled, and throws a sentence if there are no seeds', async () => {
  const machines = await makeMachines()
  const projectId = await makeSmallProject(machines)
  const abort = new AbortController()
  machines.standIn.beforeResult = (given) => (given === 3 ? 'silence' : undefined)
  const ending = finish(trial(machines, projectId, abort.signal))
  await vi.waitFor(() => expect(machines.standIn.resultCount).toBe(3))
  abort.abort()
  await expect(ending).rejects.toMatchObject({ name: 'AbortError' })
  await machines.db.clear('seeds')
  expect(await countSeeds(machines.db, projectId)).toBe(0)
  await expect(finish(trial(machines, projectId))).rejects.toThrow(
    'This project has no seeds yet. Add some on the Seeds screen, then try the recipe.',
  )
})

test('tryFive estimates by a clock of work: a wall clock that is set forward meanwhile changes nothing', async () => {
  const machines = await makeMachines()
  const projectId = await makeSmallProject(machines)
  let wall = 1_000_000
  const { estimate } = await finish(
    trial({ ...machines, now: () => (wall += 3_600_000) }, projectId),
    () => undefined,
  )
  expect(estimate.msTotal).toBeGreaterThan(0)
  expect(estimate.msTotal).toBeLessThan(600_000)
})
