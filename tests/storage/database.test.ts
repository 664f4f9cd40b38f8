// Opening and upgrading the database, and the guarantees of each store.
import 'fake-indexeddb/auto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { freshId, type ProjectId, type PromptId, type RunId } from '../../src/domain/id.ts'
import { makeProject } from '../../src/domain/project.ts'
import type { Row } from '../../src/domain/row.ts'
import { seedId, type Seed } from '../../src/domain/seed.ts'
import { openDatabase, type Database } from '../../src/storage/database.ts'
import { listDatasetRows, listDatasets, putDataset } from '../../src/storage/datasets.ts'
import { isDone, listDone } from '../../src/storage/journal.ts'
import { withLock } from '../../src/storage/locks.ts'
import { MIGRATIONS } from '../../src/storage/migrations/index.ts'
import type { Migration } from '../../src/storage/migrations/migration.ts'
import { countRecords, removeOrphans } from '../../src/storage/project-contents.ts'
import {
  deleteEverything,
  deleteProject,
  duplicateProject,
  getProject,
  listProjects,
  putProject,
} from '../../src/storage/projects.ts'
import { listPrompts, putPrompts } from '../../src/storage/prompts.ts'
import { guardQuota, isQuotaError } from '../../src/storage/quota.ts'
import { loadRowIndex } from '../../src/storage/row-index.ts'
import {
  countRows,
  eachRow,
  listRows,
  putRows,
  readRows,
  updateRow,
  writeRows,
} from '../../src/storage/rows.ts'
import { patchRun } from '../../src/storage/runs.ts'
import { PROJECT_STORES } from '../../src/storage/schema.ts'
import { countSeeds, eachSeed, pageSeeds, putSeeds, removeSeeds } from '../../src/storage/seeds.ts'
import { patchStudent } from '../../src/storage/students.ts'
import {
  makePrompt,
  makeRow,
  makeSeed,
  storeProject,
  storeSampleProject,
} from '../stand-ins/sample-project.ts'

/** An invalid key: the store refuses to write a record with it. */
const noKey = Number.NaN as unknown as never

let databases = 0
let db: Database
let name: string
beforeEach(async () => {
  name = `storage ${databases++}`
  db = await openDatabase(name)
})
afterEach(() => db.close())

describe('openDatabase', () => {
  const addNotes: Migration = (_database, transaction) => {
    const projects = transaction.objectStore('projects')
    projects.createIndex('byName', 'name')
    const reading = projects.getAll()
    reading.addEventListener('success', () => {
      for (const project of reading.result as Record<string, unknown>[])
        projects.put({ ...project, name: `${String(project['name'])}!` })
    })
  }

  test('upgrades an older database and keeps its records', async () => {
    await putProject(db, makeProject('Mine', 1))
    db.close()
    const upgraded = await openDatabase(name, [...MIGRATIONS, addNotes])
    expect((await listProjects(upgraded)).map((project) => project.name)).toEqual(['Mine!'])
    expect([...upgraded.transaction('projects').store.indexNames]).toEqual(['byName'])
    upgraded.close()
    db = await openDatabase(`${name} again`)
  })

  test('is refused with a sentence where opening it throws at once, as browsers that block site data do', async () => {
    const opening = vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => {
      throw new DOMException('blocked', 'SecurityError')
    })
    try {
      await expect(openDatabase('blocked')).rejects.toMatchObject({
        name: 'StorageFailed',
        message: expect.stringContaining('storage did not open (blocked)') as string,
      })
    } finally {
      opening.mockRestore()
    }
  })

  test('leaves the old database unchanged if a step fails', async () => {
    await putProject(db, makeProject('Mine', 1))
    db.close()
    const broken: Migration = () => {
      throw new Error('a bad step')
    }
    await expect(openDatabase(name, [...MIGRATIONS, broken])).rejects.toMatchObject({ name: 'StorageFailed' })
    db = await openDatabase(name)
    expect(await listProjects(db)).toHaveLength(1)
  })

  test('refuses a database of a newer page with a sentence', async () => {
    db.close()
    ;(await openDatabase(name, [...MIGRATIONS, addNotes])).close()
    await expect(openDatabase(name)).rejects.toMatchObject({
      name: 'StorageFailed',
      message:
        'The stored data was written by a newer version of this page. Close the other tabs that show it and reload to get that version.',
    })
    db = await openDatabase(`${name} again`)
  })

  test('throws a sentence in a browser without IndexedDB', async () => {
    vi.stubGlobal('indexedDB', undefined)
    Reflect.deleteProperty(globalThis, 'indexedDB')
    await expect(openDatabase('none')).rejects.toMatchObject({
      name: 'StorageFailed',
      message: expect.stringMatching(/gives the page no storage/),
    })
    vi.unstubAllGlobals()
  })
})

describe('seeds', () => {
  const projectId: ProjectId = freshId('project')
  const many = (count: number): Seed[] =>
    Array.from({ length: count }, (_, i) => makeSeed(projectId, `Seed number ${i}`, i + 1))

  test('stores equal texts as one seed, within one call and across calls', async () => {
    await storeProject(db, projectId)
    const [a, b] = [makeSeed(projectId, 'Same', 1), makeSeed(projectId, 'Same', 2)]
    expect(await putSeeds(db, [a, b])).toEqual({ added: [seedId('Same')], alreadyThere: 1 })
    expect(await putSeeds(db, [a])).toEqual({ added: [], alreadyThere: 1 })
    expect(await countSeeds(db, projectId)).toBe(1)
  })

  test('returns seeds in order, by page and all, even if many share a time and a line', async () => {
    const seeds = [
      ...many(1990),
      ...Array.from({ length: 40 }, (_, i) => ({ ...makeSeed(projectId, `Tied ${i}`, 1991) })),
      ...many(4100).slice(2030),
    ]
    await storeProject(db, projectId)
    await putSeeds(db, seeds)
    const all: Seed[] = []
    for await (const page of eachSeed(db, projectId)) all.push(...page)
    expect(all).toHaveLength(seeds.length)
    expect(new Set(all.map(({ id }) => id)).size).toBe(seeds.length)
    expect(all.map(({ line }) => line)).toEqual(seeds.map(({ line }) => line).toSorted((a, b) => a - b))
    expect((await pageSeeds(db, projectId, { from: 3, limit: 2 })).map(({ text }) => text)).toEqual([
      'Seed number 3',
      'Seed number 4',
    ])
    expect(await pageSeeds(db, projectId, { from: 100_000, limit: 5 })).toEqual([])
  })

  test('removes seeds and returns them for undo', async () => {
    const seeds = many(5)
    await storeProject(db, projectId)
    await putSeeds(db, seeds)
    const removed = await removeSeeds(db, projectId, [seeds[1]!.id, seedId('never stored'), seeds[3]!.id])
    expect(removed.map(({ text }) => text)).toEqual(['Seed number 1', 'Seed number 3'])
    await putSeeds(db, removed)
    expect((await pageSeeds(db, projectId, { from: 0, limit: 9 })).map(({ text }) => text)).toEqual(
      seeds.map(({ text }) => text),
    )
  })
})

describe('rows', () => {
  async function store(count: number): Promise<{ projectId: ProjectId; runId: RunId; rows: Row[] }> {
    const { project, run } = await storeSampleProject(db, { rows: 1 })
    const runId: RunId = freshId('run')
    const other = { ...run, id: runId }
    const seed = makeSeed(project.id, 'A seed', 1)
    const rows = Array.from({ length: count }, (_, i) => makeRow(other, makePrompt(other, seed, i), i))
    await putRows(db, rows)
    return { projectId: project.id, runId, rows }
  }

  test('reads the rows of a run in full pages and in order', async () => {
    const { projectId, runId, rows } = await store(25)
    const pages: number[] = []
    const orders: number[] = []
    for await (const page of eachRow(db, projectId, runId, 10)) {
      pages.push(page.length)
      orders.push(...page.map(({ order }) => order))
    }
    expect(pages).toEqual([10, 10, 5])
    expect(orders).toEqual(rows.map(({ order }) => order))
    expect(await countRows(db, projectId, runId)).toBe(25)
    expect(await countRows(db, projectId, runId, 'dropped')).toBe(5)
  })

  test('reads rows by id in the order of the ids, without missing ones', async () => {
    const { projectId, rows } = await store(4)
    const ids = [rows[3]!.id, 'missing' as Row['id'], rows[0]!.id]
    expect((await readRows(db, projectId, ids)).map(({ order }) => order)).toEqual([3, 0])
  })

  test('writes and updates rows in one transaction or not at all', async () => {
    const { projectId, runId, rows } = await store(3)
    const [first, , third] = rows
    const changed = await writeRows(
      db,
      projectId,
      [{ ...first!, id: 'new' as Row['id'], order: 9 }],
      new Map([
        [third!.id, (row: Row) => ({ ...row, status: 'dropped' as const })],
        ['missing' as Row['id'], (row: Row) => row],
      ]),
    )
    expect(changed.map(({ id }) => id)).toEqual([third!.id])
    const failing = writeRows(
      db,
      projectId,
      [{ ...first!, id: 'newer' as Row['id'], order: 10 }],
      new Map([
        [
          third!.id,
          () => {
            throw new Error('a bad change')
          },
        ],
      ]),
    )
    await expect(failing).rejects.toThrow('a bad change')
    await expect(
      putRows(db, [
        { ...first!, id: 'newest' as Row['id'], order: 11 },
        { ...first!, id: noKey },
      ]),
    ).rejects.toThrow()
    await expect(
      updateRow(db, projectId, third!.id, () => {
        throw new Error('a bad change')
      }),
    ).rejects.toThrow('a bad change')
    expect((await listRows(db, projectId, runId)).map(({ id }) => id)).toEqual([
      ...rows.map(({ id }) => id),
      'new',
    ])
    await expect(updateRow(db, projectId, 'missing' as Row['id'], (row) => row)).rejects.toThrow(RangeError)
  })

  test('summarizes rows for the table: edited text, score and status', async () => {
    const { projectId, runId } = await store(10)
    const shares: number[] = []
    const entries = await loadRowIndex(db, projectId, runId, (share) => shares.push(share))
    expect(entries).toHaveLength(10)
    expect(shares.at(-1)).toBe(1)
    expect(entries[0]).toMatchObject({ status: 'dropped', droppedBy: 'novelty', edited: false })
    expect(entries[1]?.score).toBeUndefined() // its verdict could not be read
    expect(entries[2]).toMatchObject({ edited: true, completion: 'Edited by hand.', staleVerdict: true })
    expect(entries[2]?.score).toBeUndefined() // its verdict is on the original text
    expect(entries[3]?.status).toBe('rejected')
    expect(entries.every(({ completion }) => completion.length <= 160)).toBe(true)
  })
})

describe('related records', () => {
  test('stores prompts and the journal entry of their round together or not at all', async () => {
    const { project, run } = await storeSampleProject(db)
    const before = await listPrompts(db, project.id, run.id)
    const entry = { projectId: project.id, runId: run.id, key: 'grown to 8' }
    await expect(
      putPrompts(
        db,
        [
          { ...before[0]!, id: 'new' as PromptId },
          { ...before[0]!, id: noKey },
        ],
        entry,
      ),
    ).rejects.toThrow()
    await expect(
      putPrompts(db, [{ ...before[0]!, id: 'new' as PromptId }], { ...entry, key: noKey }),
    ).rejects.toThrow()
    expect(await listPrompts(db, project.id, run.id)).toEqual(before)
    expect(await isDone(db, project.id, run.id, 'grown to 8')).toBe(false)
    await putPrompts(db, [], entry)
    expect([...(await listDone(db, project.id, run.id))].toSorted()).toEqual(['grown to 8', 'growth/0'])
  })

  test('stores a dataset that is frozen twice once', async () => {
    const { project, dataset } = await storeSampleProject(db)
    const rows = await listDatasetRows(db, project.id, dataset.id)
    await putDataset(db, { ...dataset, frozenAt: dataset.frozenAt + 5 }, rows)
    expect(await listDatasets(db, project.id)).toEqual([{ ...dataset, frozenAt: dataset.frozenAt + 5 }])
    expect(await listDatasetRows(db, project.id, dataset.id)).toEqual(rows)
    expect(
      (await listDatasetRows(db, project.id, dataset.id, 'held-out')).every(
        ({ split }) => split === 'held-out',
      ),
    ).toBe(true)
  })

  test('deletes a project with all its records and none of another', async () => {
    const [one, two] = [
      await storeSampleProject(db, { name: 'One' }),
      await storeSampleProject(db, { name: 'Two' }),
    ]
    const kept = await countRecords(db, two.project.id)
    await deleteProject(db, one.project.id)
    expect(await countRecords(db, one.project.id)).toBe(0)
    expect(await getProject(db, one.project.id)).toBeUndefined()
    expect(await countRecords(db, two.project.id)).toBe(kept)
  })

  test('copies all records of a project and shares none', async () => {
    const { project } = await storeSampleProject(db)
    const copy = await duplicateProject(db, project.id, 'Copy', 5)
    expect(copy).toMatchObject({ name: 'Copy', recipeText: project.recipeText })
    expect(await countRecords(db, copy.id)).toBe(await countRecords(db, project.id))
    await deleteProject(db, project.id)
    for (const store of PROJECT_STORES) expect(await db.count(store), store).toBeGreaterThan(0)
  })

  test('finds and removes records without a project', async () => {
    const { project } = await storeSampleProject(db)
    const other = await storeSampleProject(db)
    await db.delete('projects', project.id)
    expect(await removeOrphans(db)).toEqual([project.id])
    expect(await countRecords(db, project.id)).toBe(0)
    expect(await countRecords(db, other.project.id)).toBeGreaterThan(0)
    await deleteEverything(db)
    for (const store of ['projects', ...PROJECT_STORES] as const) expect(await db.count(store), store).toBe(0)
  })

  test('does not create a missing record by patching it', async () => {
    const { project } = await storeSampleProject(db)
    await expect(patchRun(db, project.id, freshId('run'), { status: 'stopped' })).rejects.toThrow(RangeError)
    await expect(patchStudent(db, project.id, freshId('student'), { status: 'stopped' })).rejects.toThrow(
      RangeError,
    )
  })
})

describe('a full disk', () => {
  const quota = new DOMException('', 'QuotaExceededError')
  test('recognizes a full disk by any of its errors', () => {
    expect(
      [
        quota,
        new DOMException('Quota exceeded', 'AbortError'),
        new DOMException('stopped', 'AbortError'),
        new Error('QuotaExceededError'),
      ].map(isQuotaError),
    ).toEqual([true, true, false, false])
  })
  test('reports what could not be stored, and passes other errors on', async () => {
    await expect(guardQuota('The seeds', () => Promise.reject(quota))).rejects.toMatchObject({
      name: 'StorageFull',
      message: expect.stringMatching(/^The seeds could not be stored: .*Everything stored before is safe\./),
    })
    await expect(guardQuota('The seeds', () => Promise.reject(new RangeError('other')))).rejects.toThrow(
      new RangeError('other'),
    )
    expect(await guardQuota('The seeds', async () => 3)).toBe(3)
  })
})

describe('a lock', () => {
  class Locks {
    readonly held: string[] = []
    async request(
      lock: string,
      { ifAvailable }: { ifAvailable?: boolean },
      work: (lock: object | null) => Promise<unknown>,
    ): Promise<unknown> {
      if (ifAvailable && this.held.includes(lock)) return work(null)
      this.held.push(lock)
      try {
        return await work({ name: lock })
      } finally {
        this.held.splice(this.held.indexOf(lock), 1)
      }
    }
    query = async (): Promise<object> => ({ held: this.held.map((held) => ({ name: held })) })
  }
  test('is held during the work, names its holder to others, and is released if the work throws', async () => {
    const locks = new Locks() as unknown as LockManager & Locks
    let finish: (value: number) => void = () => undefined
    const first = withLock(
      'a run',
      'the tab of 12:00',
      () => new Promise<number>((resolve) => (finish = resolve)),
      locks,
    )
    await vi.waitFor(() => expect(locks.held).toEqual(['a run', 'a run#the tab of 12:00']))
    expect(await withLock('a run', 'another', async () => 2, locks)).toEqual({
      held: false,
      holder: 'the tab of 12:00',
    })
    expect(await withLock('another run', 'another', async () => 2, locks)).toEqual({ held: true, value: 2 })
    finish(1)
    expect(await first).toEqual({ held: true, value: 1 })
    await expect(withLock('a run', 'x', () => Promise.reject(new Error('broke')), locks)).rejects.toThrow(
      'broke',
    )
    expect(locks.held).toEqual([])
  })
  test('does the work unguarded in a browser without locks', async () => {
    expect(await withLock('a run', 'x', async () => 5, undefined)).toEqual({ held: true, value: 5 })
  })
})
