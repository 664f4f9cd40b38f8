// A database of version 2, as version 0.1 of the page left it, opened by today's page.
import 'fake-indexeddb/auto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { MIGRATIONS } from '../../../src/storage/migrations/index.ts'
import { readRecord, RECORDS } from '../../../src/storage/records.ts'
import { countRows } from '../../../src/storage/rows.ts'
import { listRuns } from '../../../src/storage/runs.ts'
import { PROJECT_STORES } from '../../../src/storage/schema.ts'
import { upgradeRecord } from '../../../src/storage/upgrades/index.ts'
import { PROJECT, readRecords, storeOldDatabase, SUMMARY } from '../../stand-ins/project-of-0.1.ts'

let databases = 0
let name: string
let db: Database | undefined
beforeEach(() => (name = `version 2, ${databases++}`))
afterEach(() => db?.close())

describe('a database of version 2', () => {
  test('has all its records, valid and under today’s names, after it is opened', async () => {
    await storeOldDatabase(name)
    db = await openDatabase(name)
    expect(db.version).toBe(MIGRATIONS.length)
    expect(await db.getAll('projects')).toEqual([PROJECT])
    for (const store of PROJECT_STORES) {
      const records = await db.getAll(store)
      expect(records, store).toHaveLength(SUMMARY.counts[store] ?? 0)
      expect(new Set(records)).toEqual(new Set(readRecords(store).map((old) => upgradeRecord(store, old, 1))))
      for (const record of records) expect(readRecord(RECORDS[store], record)).toEqual({ ok: true, record })
    }
  })

  test('finds its rows by their new status', async () => {
    await storeOldDatabase(name)
    db = await openDatabase(name)
    const runs = await listRuns(db, PROJECT.id)
    expect(new Set(runs.map(({ id, status }) => `${id} ${status}`))).toEqual(
      new Set(SUMMARY.runs.map(({ id, status }) => `${id} ${status}`)),
    )
    for (const { id } of runs) {
      const { pending = 0, ...others } = {
        pending: await countRows(db, PROJECT.id, id, 'pending'),
        dropped: await countRows(db, PROJECT.id, id, 'dropped'),
        kept: await countRows(db, PROJECT.id, id, 'kept'),
        rejected: await countRows(db, PROJECT.id, id, 'rejected'),
      }
      const { asked = 0, ...wanted } = SUMMARY.runs.find((run) => run.id === id)?.byStatus ?? {}
      expect(pending).toBe(asked)
      expect(others).toMatchObject(wanted)
      expect(pending + others.dropped + others.kept + others.rejected).toBe(
        await countRows(db, PROJECT.id, id),
      )
    }
  })

  test('is upgraded completely with 3,000 rows and journal entries', async () => {
    const [row] = readRecords('rows')
    const { runId } = row ?? {}
    const rows = Array.from({ length: 3000 }, (_, i) => ({
      ...row,
      id: `row ${i}`,
      order: 1000 + i,
      status: 'asked',
    }))
    const journal = rows.map(({ id }) => ({ projectId: PROJECT.id, runId: id, key: 'seeds asked' }))
    await storeOldDatabase(name, { rows, journal })
    db = await openDatabase(name)
    const before = SUMMARY.runs.find(({ id }) => id === runId)?.byStatus['asked'] ?? 0
    expect(await db.countFromIndex('rows', 'byStatus', [PROJECT.id, String(runId), 'pending'])).toBe(
      before + 3000,
    )
    expect(await db.countFromIndex('rows', 'byStatus', [PROJECT.id, String(runId), 'asked'])).toBe(0)
    const keys = (await db.getAll('journal')).map(({ key }) => key)
    expect(keys.filter((key) => key === 'seeds added')).toHaveLength(3000 + SUMMARY.runs.length)
    expect(keys).not.toContain('seeds asked')
  })

  test('stays as it was if the upgrade fails', async () => {
    await storeOldDatabase(name)
    const failing = (): never => {
      throw new Error('a bad step')
    }
    await expect(openDatabase(name, [...MIGRATIONS, failing])).rejects.toMatchObject({
      name: 'StorageFailed',
    })
    const old = await openDatabase(name, MIGRATIONS.slice(0, 2))
    for (const store of PROJECT_STORES.filter((known) => old.objectStoreNames.contains(known)))
      expect(new Set(await old.getAll(store)), store).toEqual(new Set(readRecords(store)))
    old.close()
  })
})
