// Knows: a run's prompts and rows in the database.
import type { ProjectId, RunId } from '../../domain/id.ts'
import type { Database } from '../../storage/database.ts'
import { listDone } from '../../storage/journal.ts'
import { putPreferences } from '../../storage/preferences.ts'
import { listPrompts, putPrompts } from '../../storage/prompts.ts'
import { guardQuota } from '../../storage/quota.ts'
import { eachRow, readRows } from '../../storage/rows.ts'
import { getRun, patchRun } from '../../storage/runs.ts'
import { eachSeed } from '../../storage/seeds.ts'
import type { RunStore } from '../executing/run-store.ts'
import type { RowWriter } from './row-writer.ts'

/** `writer` also writes the replies of calls, each before the rows that follow from it. A full disk is reported in a sentence. */
export const storedRun = (db: Database, projectId: ProjectId, runId: RunId, writer: RowWriter): RunStore => ({
  seeds: () => eachSeed(db, projectId),
  prompts: () => listPrompts(db, projectId, runId),
  done: () => listDone(db, projectId, runId),
  async putPrompts(prompts, done) {
    await writer.drain()
    await guardQuota('The prompts', () =>
      putPrompts(db, prompts, done === undefined ? undefined : { projectId, runId, key: done }),
    )
  },
  rows: (pageSize) => eachRow(db, projectId, runId, pageSize),
  readRows: (ids) => readRows(db, projectId, ids),
  put: (row) => writer.put(row),
  change: (id, change) => writer.change(id, change),
  async putPreferences(preferences) {
    await writer.drain()
    await guardQuota('The preferences', () => putPreferences(db, preferences))
  },
  drain: () => writer.drain(),
  async addNote(sentence) {
    const { notes = [] } = (await getRun(db, projectId, runId)) ?? {}
    if (!notes.includes(sentence)) await patchRun(db, projectId, runId, { notes: [...notes, sentence] })
  },
  probe: async () => (await getRun(db, projectId, runId))?.judgeProbe,
  putProbe: async (judgeProbe) => void (await patchRun(db, projectId, runId, { judgeProbe })),
})
