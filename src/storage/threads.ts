// Knows: measured numbers of threads in storage: they belong to no project and are not in project files.
import type { MeasuredThreads } from '../domain/measured-threads.ts'
import type { Database } from './database.ts'

export const getThreads = (db: Database, device: string): Promise<MeasuredThreads | undefined> =>
  db.get('threads', device)

export async function putThreads(db: Database, measured: MeasuredThreads): Promise<void> {
  await db.put('threads', measured)
}

/** Deletes every measurement. */
export async function deleteThreads(db: Database): Promise<void> {
  await db.clear('threads')
}
