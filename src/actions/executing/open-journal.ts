// Knows: journals of work that stores no rows: of a trial, whose replies the run finds, and of a comparison that may be cancelled.
import type { ProjectId } from '../../domain/id.ts'
import { writeCalls, type CallUser } from '../../storage/calls.ts'
import type { Database } from '../../storage/database.ts'
import { guardQuota } from '../../storage/quota.ts'
import { RowWriter } from '../run/row-writer.ts'
import type { Journal } from './ports.ts'
import { StoredJournal } from './stored-journal.ts'

/** Opens a journal whose replies belong to `user`. `what` names the work in the sentence about a full disk. */
export function openJournal(db: Database, projectId: ProjectId, user: CallUser, what: string): Journal {
  const writer = new RowWriter(({ replies, used }) =>
    guardQuota(what, () => writeCalls(db, projectId, { user, replies, used })),
  )
  return new StoredJournal(db, projectId, user, writer)
}

/** A journal that is only written: every call is made, because its time is to be measured. */
export const writeOnly = (journal: Journal): Journal => ({
  failed: journal.failed,
  read: async () => new Map(),
  record: (key, reply) => journal.record(key, reply),
  drain: () => journal.drain(),
})
