import { expect, test, vi } from 'vitest'
import { freshId, type ProjectId } from '../../src/domain/id.ts'
import { parseSeed, type Seed } from '../../src/domain/seed.ts'
import type { Machines } from '../../src/actions/machines.ts'
import { Seeds } from '../../src/state/seeds.svelte.ts'
import { putSeeds } from '../../src/storage/seeds.ts'
import { storeProject } from '../stand-ins/sample-project.ts'
import { makeEnvironment } from './make-environment.ts'

const makeSeeds = (projectId: ProjectId, count: number): Seed[] =>
  Array.from({ length: count }, (_, i) => {
    const seed = parseSeed({ projectId, text: `Seed number ${i}`, source: 'typed', line: i + 1, addedAt: 5 })
    if (!seed.ok) throw new Error('a plain seed is refused')
    return seed.value
  })

/** A corpus worker that adds every line to the store, which is created after it. */
async function makeState() {
  const projectId = freshId('project')
  const addSeeds: Machines['corpus']['addSeeds'] = async ({ source }, options) => {
    if (source.kind !== 'text') throw new Error('this stand-in reads text')
    const seeds = source.text.split('\n').flatMap((text, i) => {
      const seed = parseSeed({ projectId, text, source: 'typed', line: i + 1, addedAt: 7 })
      return seed.ok ? [seed.value] : []
    })
    const { added, alreadyThere } = await putSeeds(env.machines.db, seeds)
    options?.onEvent?.({ rows: seeds.length, bytes: source.text.length, totalBytes: source.text.length })
    return {
      rows: source.text.split('\n').length,
      added: added.length,
      alreadyThere,
      repeated: 0,
      problems: [],
      moreProblems: 0,
      problemCount: 0,
      report: [],
      undecided: false,
      addedIds: added,
    }
  }
  const env = await makeEnvironment({ corpus: { addSeeds } })
  await storeProject(env.machines.db, projectId)
  return { seeds: new Seeds(env, projectId), db: env.machines.db, projectId }
}

test('added seeds are counted, and can be removed and restored by undo', async () => {
  const { seeds } = await makeState()
  const read = await seeds.add({ kind: 'text', text: 'One\nTwo\nThree' })
  expect([read?.added, seeds.count]).toEqual([3, 3])
  await seeds.undo.use()
  expect(seeds.count).toBe(0)
  await seeds.undo.use()
  expect(seeds.count).toBe(3)
})

test('undo removes only the seeds added last', async () => {
  const { seeds } = await makeState()
  await seeds.add({ kind: 'text', text: 'One\nTwo' })
  const read = await seeds.add({ kind: 'text', text: 'Two\nThree' })
  expect(read).toMatchObject({ added: 1, alreadyThere: 1 })
  await seeds.undo.use()
  expect(seeds.count).toBe(2)
})

test('undo restores a deleted seed', async () => {
  const { seeds } = await makeState()
  await seeds.add({ kind: 'text', text: 'One\nTwo' })
  await vi.waitFor(() => expect(seeds.at(0)).toBeDefined())
  await seeds.remove(seeds.at(0)!)
  expect(seeds.count).toBe(1)
  await seeds.undo.use()
  expect(seeds.count).toBe(2)
})

test('a long list is read in pages as it is shown', async () => {
  const { seeds, db, projectId } = await makeState()
  await putSeeds(db, makeSeeds(projectId, 950))
  await seeds.refresh()
  expect(seeds.count).toBe(950)
  expect(seeds.at(940)).toBeUndefined()
  await vi.waitFor(() => expect(seeds.at(940)?.text).toBe('Seed number 940'), 5000)
  expect(seeds.at(949)?.text).toBe('Seed number 949')
  expect(seeds.at(0)).toBeUndefined()
  await vi.waitFor(() => expect(seeds.at(0)?.text).toBe('Seed number 0'), 5000)
})
