import 'fake-indexeddb/auto'
import { expect, test } from 'vitest'
import { getColumnMappings, MAX_MAPPINGS, putColumnMapping } from '../../src/storage/column-mappings.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { deleteEverything } from '../../src/storage/projects.ts'

const mapping = (form: string, role: 'prompt' | 'answer' = 'prompt') => ({
  form,
  header: true,
  columns: [{ name: 'a', role }],
})

test('keeps the last choice of each form, forgets the oldest forms, and is deleted with everything', async () => {
  const db = await openDatabase('column mappings')
  await putColumnMapping(db, mapping('x', 'answer'), 1)
  await putColumnMapping(db, mapping('x'), 2)
  expect([...(await getColumnMappings(db)).values()]).toMatchObject([mapping('x')])
  for (let i = 0; i < MAX_MAPPINGS; i++) await putColumnMapping(db, mapping(`form ${i}`), 3 + i)
  const all = await getColumnMappings(db)
  expect(all.size).toBe(MAX_MAPPINGS)
  expect(all.has('x')).toBe(false)
  await deleteEverything(db)
  expect((await getColumnMappings(db)).size).toBe(0)
  db.close()
})
