// Runs over seeds that are conversations: what grown prompts keep of them, and the sentence on what they leave out, before and after.
import { describe, expect, test } from 'vitest'
import { RunControl } from '../../../src/actions/control.ts'
import { tryFive } from '../../../src/actions/recipe/try-five.ts'
import { startRun } from '../../../src/actions/run/run-recipe.ts'
import { findLeftOut } from '../../../src/actions/seeds/find-left-out.ts'
import type { ChatMessage } from '../../../src/domain/completion-request.ts'
import type { ProjectId } from '../../../src/domain/id.ts'
import type { Run } from '../../../src/domain/run.ts'
import { parseSeed } from '../../../src/domain/seed.ts'
import { listPrompts } from '../../../src/storage/prompts.ts'
import { listRows } from '../../../src/storage/rows.ts'
import { putSeeds } from '../../../src/storage/seeds.ts'
import { finish, makeMachines, type TestMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { makeSmallProject, readRecipe, RECIPE } from '../small-project.ts'

const TALK: readonly ChatMessage[] = [
  { role: 'system', content: 'You repair bicycles.' },
  { role: 'user', content: 'My chain squeaks.' },
  { role: 'assistant', content: 'Is it dry?' },
]
const EVOLVE = RECIPE.replace(
  /- grow: self-instruct\n(?: {4}.*\n)*/,
  '- grow: evol-instruct\n    rounds: 1\n    alsoSeeds: false\n    checkEquality: false\n    checkResponse: false\n',
)

/** The small project with one more seed, the end of a conversation. */
async function begin(): Promise<{ machines: TestMachines; projectId: ProjectId }> {
  const machines = await makeMachines()
  const projectId = await makeSmallProject(machines)
  const seed = parseSeed({
    projectId,
    text: 'Yes, it is dry and rusty.',
    earlier: TALK,
    source: 'talk',
    line: 1,
    addedAt: 2,
  })
  if (!seed.ok) throw new Error('no seed')
  await putSeeds(machines.db, [seed.value])
  return { machines, projectId }
}
const run = (machines: TestMachines, projectId: ProjectId, text: string): Promise<Run> =>
  finish(startRun(machines, { projectId, recipe: readRecipe(text), teacher: DESCRIPTION }, new RunControl()))

describe('a run over conversations', () => {
  test('with Evol-Instruct completes evolved last messages after the messages before them', async () => {
    const { machines, projectId } = await begin()
    expect(await findLeftOut(machines.db, projectId, readRecipe(EVOLVE))).toBeUndefined()
    const { id, notes } = await run(machines, projectId, EVOLVE)
    expect(notes).toBeUndefined()
    const prompts = await listPrompts(machines.db, projectId, id)
    expect(prompts.filter(({ earlier }) => earlier !== undefined).map(({ earlier }) => earlier)).toEqual([
      TALK,
    ])
    const rows = (await listRows(machines.db, projectId, id)).filter(({ earlier }) => earlier !== undefined)
    expect(rows.map(({ earlier }) => earlier)).toEqual([TALK, TALK])
  })

  test('with Self-Instruct says before, in the trial and in its record what grown prompts leave out', async () => {
    const { machines, projectId } = await begin()
    const recipe = readRecipe()
    const sentence = await findLeftOut(machines.db, projectId, recipe)
    expect(sentence).toMatch(/^1 of 7 seeds is a conversation: .* 1 of 7 seeds has a system message/)
    const tried = await finish(tryFive(machines, { projectId, recipe, teacher: DESCRIPTION }))
    expect(tried.note).toContain(sentence)
    expect((await run(machines, projectId, RECIPE)).notes).toEqual([sentence])
  })
})
