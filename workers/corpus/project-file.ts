// Knows: what a project's file is made of: a zip file with one JSONL entry a store, the students' files, and a first entry that says so.
import type { ProjectStore } from '../../src/storage/schema.ts'

export const PROJECT_FILE = 'retort-project'
/** Raised when a page that reads version 1 could not read what is written now. */
export const PROJECT_FILE_VERSION = 1
export const MANIFEST = 'retort.json'

/**
 * Stores in the order in which they are written: what refers comes before what is referred to, so that a project that grows while it is
 * saved still gives a file in which every reference has its target.
 */
export const SAVED_STORES: readonly ProjectStore[] = [
  'comparisons',
  'students',
  'datasetRows',
  'datasets',
  'rows',
  'prompts',
  'journal',
  'runs',
  'seeds',
]

export const entryOfStore = (store: ProjectStore): string => `${store}.jsonl`
export const entryOfFile = (studentId: string, name: string): string => `students/${studentId}/${name}`

/** A student's file by its entry's name, or undefined for any other entry. */
export function readFileEntry(
  entry: string,
): { readonly studentId: string; readonly name: string } | undefined {
  const [, studentId, name] = /^students\/([0-9a-f]{8,64})\/([^/\\]{1,180})$/.exec(entry) ?? []
  return studentId === undefined || name === undefined ? undefined : { studentId, name }
}

/** Bytes of a project file at most: what a zip file without its 64-bit extension holds, with room for its directory. */
export const FILE_LIMIT = 4_000_000_000
