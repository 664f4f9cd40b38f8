// Knows: how the stored records get the field names of record version 2, one record in memory at a time.
import { fieldNames, RENAMED_STORES } from '../upgrades/002-field-names.ts'
import type { Migration } from './migration.ts'

export const renameFields: Migration = (_database, transaction, next) => {
  let left = RENAMED_STORES.length
  for (const name of RENAMED_STORES) {
    const store = transaction.objectStore(name)
    const keyPath = store.keyPath as readonly string[] // since 001-first each of these stores has several key fields
    const walk = store.openCursor()
    walk.onsuccess = () => {
      const cursor = walk.result
      if (cursor === null) {
        left -= 1
        if (left === 0) next()
        return
      }
      const record = fieldNames(name, cursor.value) as Readonly<Record<string, IDBValidKey>>
      const key = keyPath.map((field) => record[field])
      if (indexedDB.cmp(key, cursor.primaryKey) === 0) cursor.update(record)
      else {
        // The `key` of a journal entry is part of its primary key, which a cursor cannot change.
        cursor.delete()
        store.put(record)
      }
      cursor.continue()
    }
  }
}
