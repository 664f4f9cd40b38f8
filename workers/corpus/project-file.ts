// Knows: the parts of a project's file: a zip file with a manifest, one JSONL entry for each store, perhaps one for the stored replies, and the students' files.
import type { ProjectStore } from '../../src/storage/schema.ts'
import { RECORD_VERSION } from '../../src/storage/upgrades/index.ts'

export const PROJECT_FILE = 'retort-project'
/** The version of the records in it: a file of an earlier version has records to upgrade. */
export const PROJECT_FILE_VERSION = RECORD_VERSION
export const MANIFEST = 'retort.json'

/**
 * Stores in the order in which they are written: references before their targets, so that even if the project grows while it is saved,
 * every reference in the file has its target.
 */
export const SAVED_STORES: readonly ProjectStore[] = [
  'comparisons',
  'students',
  'datasetRows',
  'datasets',
  'preferences',
  'rows',
  'prompts',
  'journal',
  'runs',
  'seeds',
]

/** The replies of the journal, if a person saves them too. Earlier versions of the page read the file without it. */
export const CALLS_ENTRY = 'calls.jsonl'
export const entryOfStore = (store: ProjectStore): string => `${store}.jsonl`
export const entryOfFile = (studentId: string, name: string): string => `students/${studentId}/${name}`

/** A student's file by its entry's name, or undefined for any other entry. */
export function readFileEntry(
  entry: string,
): { readonly studentId: string; readonly name: string } | undefined {
  const [, studentId, name] = /^students\/([0-9a-f]{8,64})\/([^/\\]{1,180})$/.exec(entry) ?? []
  return studentId === undefined || name === undefined ? undefined : { studentId, name }
}

/** Max bytes of a project file: the limit of a zip file without its 64-bit extension, with room for its directory. */
export const FILE_LIMIT = 4_000_000_000
