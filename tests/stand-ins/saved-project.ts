// Knows: a project file of an earlier version (tests/fixtures): its records as that version stored them, and a database of them.
import { readFileSync } from 'node:fs'
import { unzipSync } from 'fflate'
import type { ProjectId } from '../../src/domain/id.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { MIGRATIONS } from '../../src/storage/migrations/index.ts'
import { PROJECT_STORES, type ProjectStore } from '../../src/storage/schema.ts'

export type OldRecord = Readonly<Record<string, unknown>>
const parse = (text: string): OldRecord => JSON.parse(text) as OldRecord

/** The project in `fileName`. */
export function readSaved(fileName: string) {
  const zip = readFileSync(new URL(`../fixtures/${fileName}`, import.meta.url))
  const entries = unzipSync(zip)
  const textOf = (name: string): string => new TextDecoder().decode(entries[name])
  /** The project's own record. */
  const project = parse(textOf('retort.json'))['project'] as OldRecord & { readonly id: ProjectId }
  /** A store's records as that version stored them. */
  const readRecords = (store: ProjectStore): OldRecord[] =>
    textOf(`${store}.jsonl`)
      .split('\n')
      .filter((line) => line !== '')
      .map(parse)
  /** Every student's checkpoint by the student's id. */
  const readCheckpoints = (): Map<string, Uint8Array> =>
    new Map(
      Object.entries(entries).flatMap(([name, bytes]) => {
        const id = /^students\/(.+)\/last\.checkpoint$/.exec(name)?.[1]
        return id === undefined ? [] : [[id, bytes]]
      }),
    )
  /** Creates a database of `version` with the records, and closes it. `more`: further records of a store. */
  const storeDatabase = async (
    name: string,
    version: number,
    more: Partial<Record<ProjectStore, readonly OldRecord[]>> = {},
  ): Promise<void> => {
    const database = await openDatabase(name, MIGRATIONS.slice(0, version))
    const stores = PROJECT_STORES.filter((store) => database.objectStoreNames.contains(store))
    const transaction = database.transaction(['projects', ...stores], 'readwrite')
    const put = (store: 'projects' | ProjectStore, record: OldRecord): Promise<unknown> =>
      (transaction.objectStore(store).put as (value: object) => Promise<unknown>)(record)
    await put('projects', project)
    for (const store of stores)
      for (const record of [...readRecords(store), ...(more[store] ?? [])]) await put(store, record)
    await transaction.done
    database.close()
  }
  return {
    project,
    readRecords,
    readCheckpoints,
    storeDatabase,
    makeFile: () => new File([zip], fileName),
  }
}
