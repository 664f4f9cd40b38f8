// Two tabs: two pages on one store, one set of locks and one local storage.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { freshId } from '../../../src/domain/id.ts'
import { nameRunLock } from '../../../src/actions/run/run-lock.ts'
import { App } from '../../../src/state/app/app.svelte.ts'
import { Projects } from '../../../src/state/app/projects.svelte.ts'
import { Runs } from '../../../src/state/project/runs.svelte.ts'
import { Students } from '../../../src/state/project/students.svelte.ts'
import { checkpointFiles } from '../../../src/storage/files.ts'
import { STORING_LOCK, trainingLock, withLock } from '../../../src/storage/locks.ts'
import { putRecords } from '../../../src/storage/project-contents.ts'
import { deleteProject, listProjects } from '../../../src/storage/projects.ts'
import { patchRun } from '../../../src/storage/runs.ts'
import { countSeeds, putSeeds } from '../../../src/storage/seeds.ts'
import { patchStudent } from '../../../src/storage/students.ts'
import { makeSeed, storeSampleProject } from '../../stand-ins/sample-project.ts'
import { installLocks, Locks } from '../../stand-ins/locks.ts'
import { makeEnvironment, type TestEnvironment } from '../make-environment.ts'

let env: TestEnvironment
let locks: Locks
beforeEach(async () => {
  env = await makeEnvironment()
  locks = new Locks()
  installLocks(locks)
})
afterEach(() => installLocks(undefined))

/** Work of a tab that holds a lock until the returned function is called. */
async function work(name: string, note = 'a tab that has been running it since 12:01'): Promise<() => void> {
  let end: () => void = () => undefined
  void withLock(name, note, () => new Promise<void>((resolve) => (end = resolve)))
  await vi.waitFor(() => expect(locks.held).toContain(`${name}#${note}`))
  return () => end()
}

describe('a deleted project', () => {
  test('is whole again after undo, although another tab opened the page meanwhile', async () => {
    const a = new Projects(env)
    const { project } = await storeSampleProject(env.machines.db, { seeds: 24 })
    await a.refresh()
    await a.delete(project.id)
    const b = new Projects(env)
    await b.refresh()
    expect([a.list, b.list]).toEqual([[], []])
    expect(await countSeeds(env.machines.db, project.id)).toBe(24)
    await a.undo.use()
    await b.refresh()
    expect([a.list.length, b.list.length]).toEqual([1, 1])
    expect(await countSeeds(env.machines.db, project.id)).toBe(24)
    expect(a.sentence).toBe('“Sample” is restored.')
  })

  test('is deleted by the next tab once the tab that offered the undo is gone', async () => {
    const a = new Projects(env)
    const { project } = await storeSampleProject(env.machines.db)
    await a.refresh()
    await a.delete(project.id)
    installLocks(new Locks()) // the locks of a closed tab are released
    const b = new Projects(env)
    await b.refresh()
    expect(await listProjects(env.machines.db)).toEqual([])
    expect(env.memory.getItem('retort deleting')).toBe('')
  })

  test('that is gone from the store is reported by undo', async () => {
    const a = new Projects(env)
    const { project } = await storeSampleProject(env.machines.db)
    await a.refresh()
    await a.delete(project.id)
    await env.machines.db.delete('projects', project.id)
    await a.undo.use()
    expect(a.list).toEqual([])
    expect(a.problems[0]?.sentence).toMatch(/^“Sample” cannot be restored: it is no longer stored/)
  })

  test('is not deleted while a run or a training of it is in progress in some tab', async () => {
    const a = new Projects(env)
    const { project } = await storeSampleProject(env.machines.db)
    await a.refresh()
    for (const lock of [nameRunLock(project.id), trainingLock(project.id)]) {
      const end = await work(lock)
      await a.delete(project.id)
      expect(a.list).toHaveLength(1)
      expect(a.problems[0]?.sentence).toMatch(
        /^“Sample” was not deleted: .* in progress in a tab that has been running it since 12:01\. Stop it there/,
      )
      end()
      await vi.waitFor(() => expect(locks.held).toEqual([]))
    }
    // Work that began after the deletion was requested: it waits.
    await a.delete(project.id)
    const other = await storeSampleProject(env.machines.db, { name: 'Other' })
    await a.refresh()
    const end = await work(nameRunLock(project.id))
    await a.delete(other.project.id)
    expect(a.list).toEqual([])
    expect((await listProjects(env.machines.db)).map(({ name }) => name).toSorted()).toEqual([
      'Other',
      'Sample',
    ])
    end()
    await vi.waitFor(() => expect(locks.held).toHaveLength(1))
    await a.refresh()
    expect((await listProjects(env.machines.db)).map(({ name }) => name)).toEqual(['Other'])
  })
})

test('what is left of projects that no list shows is cleared, but not that of a waiting deletion nor of an opening', async () => {
  const { db } = env.machines
  const a = new Projects(env)
  const { project, student } = await storeSampleProject(db)
  await checkpointFiles.write(project.id, student.id, 'last.checkpoint', new Uint8Array(10))
  await a.refresh()
  await a.delete(project.id)
  const [lost, lostFiles] = [freshId('project'), freshId('project')]
  await putRecords(db, 'seeds', [makeSeed(lost, 'Left behind', 1)])
  await checkpointFiles.write(lostFiles, freshId('student'), 'last.checkpoint', new Uint8Array(10))
  const b = new Projects(env)
  await b.refresh()
  const end = await work(STORING_LOCK)
  await b.clearOrphans()
  expect(await countSeeds(db, lost)).toBe(1)
  end()
  await vi.waitFor(() => expect(locks.held).not.toContain(STORING_LOCK))
  await b.clearOrphans()
  expect(await countSeeds(db, lost)).toBe(0)
  expect(await checkpointFiles.listProjects()).toEqual([project.id])
  expect(b.sentence).toMatch(/^Data was left of 2 projects that are no longer listed/)
  await a.undo.use()
  expect(a.list).toHaveLength(1)
})

test('a run and a training of another tab are shown as running there, and as interrupted once that tab is gone', async () => {
  const { db } = env.machines
  const { project, run, student } = await storeSampleProject(db)
  await patchRun(db, project.id, run.id, { status: 'running' })
  await patchStudent(db, project.id, student.id, { status: 'training' })
  const ends = [await work(nameRunLock(project.id)), await work(trainingLock(project.id))]
  const [runs, students] = [new Runs(env, project.id, () => undefined), new Students(env, project.id)]
  await Promise.all([runs.refresh(), students.refresh()])
  expect([runs.interrupted, students.interrupted]).toEqual([undefined, undefined])
  expect(runs.elsewhere.holder).toBe('a tab that has been running it since 12:01')
  for (const end of ends) end()
  await vi.waitFor(() => expect(runs.interrupted?.id).toBe(run.id))
  await vi.waitFor(() => expect(students.interrupted?.id).toBe(student.id))
  expect([runs.elsewhere.holder, students.elsewhere.holder]).toEqual([undefined, undefined])
})

test('lists and counts follow what another tab writes', async () => {
  const app = new App(env)
  await app.start({ navigator: {}, crossOriginIsolated: false })
  // Another tab is another connection in another thread; its reports arrive on another channel.
  const tab = new BroadcastChannel(`retort changes of ${env.machines.db.name}`)
  const { project } = await storeSampleProject(env.machines.db, { name: 'Made in another tab', seeds: 3 })
  tab.postMessage(['projects'])
  await vi.waitFor(() => expect(app.projects.list.map(({ name }) => name)).toEqual(['Made in another tab']))
  app.route.go(project.id, 'seeds')
  await vi.waitFor(() => expect(app.workspaceOf(project.id)?.seeds.count).toBe(3), 5000)
  await putSeeds(env.machines.db, [makeSeed(project.id, 'A fourth seed', 9)])
  tab.postMessage(['seeds'])
  await vi.waitFor(() => expect(app.workspaceOf(project.id)?.seeds.count).toBe(4), 5000)
  await deleteProject(env.machines.db, project.id)
  tab.postMessage(['projects', 'seeds'])
  await vi.waitFor(() => expect(app.workspaceOf(project.id)).toBeUndefined(), 5000)
  tab.close()
})

test('a deleted project stays open while it can be restored, and is released once it is deleted for good', async () => {
  const { db } = env.machines
  const { project } = await storeSampleProject(db)
  const { project: other } = await storeSampleProject(db)
  const app = new App(env)
  await app.start({ navigator: {}, crossOriginIsolated: false })
  app.route.go(project.id, 'seeds')
  await vi.waitFor(() => expect(app.workspaceOf(project.id)?.reading.running).toBe(false))
  const { seeds, students } = app.workspaceOf(project.id) ?? {}
  expect(seeds).toBeDefined()
  app.route.goHome()
  await app.projects.delete(project.id)
  app.route.go(other.id, 'seeds')
  await vi.waitFor(() => expect(app.workspaceOf(other.id)).toBeDefined())
  expect(app.workspaceOf(project.id)?.students).toBe(students)
  app.route.goHome()
  await app.projects.delete(other.id) // the first deletion can no longer be undone
  await app.projects.refresh()
  app.route.go(other.id, 'seeds')
  app.route.goHome()
  await vi.waitFor(() => expect(app.workspaceOf(project.id)).toBeUndefined())
})

test('a project whose address was opened before this tab knew of it opens as soon as another tab reports it', async () => {
  const app = new App(env)
  await app.start({ navigator: {}, crossOriginIsolated: false })
  const { project } = await storeSampleProject(env.machines.db, { seeds: 3 })
  app.route.go(project.id, 'seeds')
  expect(app.projects.find(project.id)).toBeUndefined()
  const tab = new BroadcastChannel(`retort changes of ${env.machines.db.name}`)
  tab.postMessage(['projects'])
  await vi.waitFor(() => expect(app.workspaceOf(project.id)?.seeds.count).toBe(3), 5000)
  tab.close()
})

test('a deleted run is hidden in the other tab, is whole again after undo, and is deleted once nobody can undo it', async () => {
  const { project, run, rows } = await storeSampleProject(env.machines.db)
  const [a, b] = [new Runs(env, project.id, () => undefined), new Runs(env, project.id, () => undefined)]
  await Promise.all([a.refresh(), b.refresh()])
  await a.delete(run)
  await b.refresh()
  expect([a.list, b.list]).toEqual([[], []])
  expect(await env.machines.db.count('rows')).toBe(rows.length)
  await b.delete(run) // from a list that was out of date
  expect(b.undo.offer).toBeUndefined()
  await a.undo.use()
  await b.refresh()
  expect([a.list, b.list]).toEqual([[run], [run]])
  await a.delete(run)
  installLocks(new Locks()) // the locks of a closed tab are released
  await b.refresh()
  expect([await env.machines.db.count('runs'), await env.machines.db.count('rows')]).toEqual([0, 0])
})
