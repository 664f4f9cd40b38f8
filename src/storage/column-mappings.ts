// Knows: the columns that a person chose for files of a form, in storage: they belong to no project and are not in project files.
import type { ColumnMapping } from '../domain/column-mapping.ts'
import type { Database } from './database.ts'
import { transact } from './transactions.ts'

/** Max forms that are remembered; the oldest are forgotten. */
export const MAX_MAPPINGS = 200

/** All mappings by form. */
export async function getColumnMappings(db: Database): Promise<Map<string, ColumnMapping>> {
  const all = await db.getAll('columnMappings')
  return new Map(all.map((mapping) => [mapping.form, mapping]))
}

/** Stores a mapping, in place of an earlier one of its form. */
export async function putColumnMapping(db: Database, mapping: ColumnMapping, now: number): Promise<void> {
  const { form, header, columns } = mapping
  await transact(db, ['columnMappings'], 'readwrite', async ({ store }) => {
    await store.put({ form, header, columns, changedAt: now })
    const all = await store.getAll()
    const oldest = all.toSorted((a, b) => a.changedAt - b.changedAt).slice(0, -MAX_MAPPINGS)
    await Promise.all(oldest.map(async (old) => store.delete(old.form)))
  })
}
