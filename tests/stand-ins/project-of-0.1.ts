// Knows: the project that version 0.1 saved (tests/fixtures): its file, its records as that version stored them, and a database of them.
import { readFileSync } from 'node:fs'
import { unzipSync } from 'fflate'
import type { ProjectId } from '../../src/domain/id.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { MIGRATIONS } from '../../src/storage/migrations/index.ts'
import { PROJECT_STORES, type ProjectStore } from '../../src/storage/schema.ts'

const FIXTURES = new URL('../fixtures/', import.meta.url)
const zip = readFileSync(new URL('project-of-0.1.retort.zip', FIXTURES))
const entries = unzipSync(zip)
const textOf = (name: string): string => new TextDecoder().decode(entries[name])

export const makeFile = (): File => new File([zip], 'project-of-0.1.retort.zip')

export interface Summary {
  readonly counts: Readonly<Partial<Record<ProjectStore, number>>>
  readonly runs: readonly {
    readonly id: string
    readonly status: string
    readonly rows: number
    /** Under the names of version 0.1. */
    readonly byStatus: Readonly<Record<string, number>>
    readonly byDrop: Readonly<Record<string, number>>
  }[]
  readonly editedByHand: readonly { readonly id: string; readonly edit: unknown }[]
  readonly rejectedByHand: readonly { readonly id: string; readonly rejectedByHand: unknown }[]
  readonly datasets: readonly { readonly id: string; readonly rowIds: readonly string[] }[]
  readonly students: readonly {
    readonly id: string
    readonly status: string
    readonly checkpointStep: number
  }[]
}
/** What version 0.1 reported about the project. */
export const SUMMARY: Summary = JSON.parse(
  readFileSync(new URL('project-of-0.1.summary.json', FIXTURES), 'utf8'),
) as Summary

type OldRecord = Readonly<Record<string, unknown>>
const parse = (text: string): OldRecord => JSON.parse(text) as OldRecord

/** The project's own record. */
export const PROJECT = parse(textOf('retort.json'))['project'] as OldRecord & { readonly id: ProjectId }

/** A store's records as version 0.1 stored them. */
export const readRecords = (store: ProjectStore): OldRecord[] =>
  textOf(`${store}.jsonl`)
    .split('\n')
    .filter((line) => line !== '')
    .map(parse)

/** Every student's checkpoint by the student's id. */
export const readCheckpoints = (): Map<string, Uint8Array> =>
  new Map(
    Object.entries(entries).flatMap(([name, bytes]) => {
      const id = /^students\/(.+)\/last\.checkpoint$/.exec(name)?.[1]
      return id === undefined ? [] : [[id, bytes]]
    }),
  )

/** Creates a database of version 2 with the records of version 0.1, and closes it. `more`: further records of a store. */
export async function storeOldDatabase(
  name: string,
  more: Partial<Record<ProjectStore, readonly OldRecord[]>> = {},
): Promise<void> {
  const database = await openDatabase(name, MIGRATIONS.slice(0, 2))
  const stores = PROJECT_STORES.filter((store) => database.objectStoreNames.contains(store))
  const transaction = database.transaction(['projects', ...stores], 'readwrite')
  const put = (store: 'projects' | ProjectStore, record: OldRecord): Promise<unknown> =>
    (transaction.objectStore(store).put as (value: object) => Promise<unknown>)(record)
  await put('projects', PROJECT)
  for (const store of stores)
    for (const record of [...readRecords(store), ...(more[store] ?? [])]) await put(store, record)
  await transaction.done
  database.close()
}
