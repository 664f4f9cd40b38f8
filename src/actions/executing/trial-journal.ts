// Knows: the journal of a trial: its replies are stored for the run, and read only if the time of the calls is known.
import type { ProjectId } from '../../domain/id.ts'
import { writeCalls } from '../../storage/calls.ts'
import type { Database } from '../../storage/database.ts'
import { guardQuota } from '../../storage/quota.ts'
import { RowWriter } from '../run/row-writer.ts'
import type { Journal } from './ports.ts'
import { StoredJournal } from './stored-journal.ts'

/** Opens it; without `reads` every call is made, and its reply stored. */
export function openTrialJournal(db: Database, projectId: ProjectId, reads: boolean): Journal {
  const writer = new RowWriter(({ replies, used }) =>
    guardQuota('The trial', () => writeCalls(db, projectId, { user: 'trial', replies, used })),
  )
  const journal = new StoredJournal(db, projectId, writer)
  if (reads) return journal
  return {
    failed: journal.failed,
    read: async () => new Map(),
    record: (key, reply) => journal.record(key, reply),
    drain: () => journal.drain(),
  }
}
