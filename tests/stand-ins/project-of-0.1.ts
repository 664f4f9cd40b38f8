// Knows: the project that version 0.1 saved (tests/fixtures): its file, its records as that version stored them, and a database of them.
import { readFileSync } from 'node:fs'
import type { ProjectStore } from '../../src/storage/schema.ts'
import { readSaved, type OldRecord } from './saved-project.ts'

const saved = readSaved('project-of-0.1.retort.zip')
export const { makeFile, readRecords, readCheckpoints, project: PROJECT } = saved

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
  readFileSync(new URL('../fixtures/project-of-0.1.summary.json', import.meta.url), 'utf8'),
) as Summary

/** Creates a database of version 2 with the records of version 0.1, and closes it. `more`: further records of a store. */
export const storeOldDatabase = (
  name: string,
  more: Partial<Record<ProjectStore, readonly OldRecord[]>> = {},
): Promise<void> => saved.storeDatabase(name, 2, more)
