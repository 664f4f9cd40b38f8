// Knows: how a project's file is read: its directory, its manifest, its records (upgraded and checked one by one), its students' files.
// Must not know: storage. The file may come from anywhere: nothing in it is trusted before it is checked.
import type { StudentId } from '../../src/domain/id.ts'
import { readId } from '../../src/domain/id.ts'
import type { Project } from '../../src/domain/project.ts'
import type { RecordOf } from '../../src/storage/project-contents.ts'
import { projectRecord, readRecord, RECORDS } from '../../src/storage/records.ts'
import type { ProjectStore } from '../../src/storage/schema.ts'
import { upgradeRecord } from '../../src/storage/upgrades/index.ts'
import type { SavedCall } from '../../src/storage/calls.ts'
import { BadFile } from './bad-file.ts'
import { CHECKED_STORES, ProjectCheck } from './check-project.ts'
import {
  CALLS_ENTRY,
  entryOfStore,
  FILE_LIMIT,
  MANIFEST,
  PROJECT_FILE,
  PROJECT_FILE_VERSION,
  readFileEntry,
} from './project-file.ts'
import { readCalls } from './read-calls.ts'
import { readLines } from './read-lines.ts'
import { readZipDirectory, readZipEntry, shorten, type ZipEntry } from './read-zip.ts'

/** Max unpacked bytes: of the manifest, of one student's file, and of all. */
const MANIFEST_LIMIT = 4_000_000
const STUDENT_FILE_LIMIT = 2_000_000_000
const UNPACKED_LIMIT = 16_000_000_000
/** Such text compresses to a tenth; a file that unpacks to RATIO_LIMIT times its size was made to fill a disk. */
const RATIO_LIMIT = 250
const RATIO_FREE = 50_000_000

/** A part of the file. `bytes`: unpacked bytes read so far. */
export type ProjectPart =
  | {
      readonly kind: 'records'
      readonly store: ProjectStore
      readonly records: readonly RecordOf<ProjectStore>[]
      readonly bytes: number
    }
  | { readonly kind: 'chunk'; readonly bytes: number }
  | {
      readonly kind: 'calls'
      readonly calls: readonly SavedCall[]
      /** Lines without a reply that can be used. */
      readonly unreadable: number
      /** The file is damaged here, and the replies that follow are lost. */
      readonly isCut: boolean
      readonly bytes: number
    }
  | {
      readonly kind: 'file'
      readonly studentId: StudentId
      readonly name: string
      readonly contents: Uint8Array
      readonly bytes: number
    }

export interface ProjectFile {
  readonly project: Project
  /** Unpacked bytes of everything that is read. */
  readonly bytes: number
  /**
   * Reads and checks everything, in an order in which it can be stored. Files' contents and stored replies are returned only if `toStore`:
   * no reply makes a file invalid.
   */
  readParts(toStore: boolean): AsyncGenerator<ProjectPart>
}

/** Opens a project's file; the records are read by `readParts`. Both throw `BadFile` if something is invalid. */
export async function readProjectFile(file: Blob): Promise<ProjectFile> {
  if (file.size === 0) throw new BadFile('it is empty')
  if (file.size > FILE_LIMIT + 50_000_000) throw new BadFile(`it has more than ${FILE_LIMIT / 1e9} GB`)
  const entries = await readZipDirectory(file)
  const manifest = entries.get(MANIFEST)
  if (manifest === undefined)
    throw new BadFile(`it is a zip file, but not a saved project: it has no ${MANIFEST}`)
  const { project, version } = readManifest(await readWhole(file, manifest, MANIFEST_LIMIT))

  const stores = CHECKED_STORES.flatMap((store) => {
    const entry = entries.get(entryOfStore(store))
    return entry ? [{ store, entry }] : []
  })
  const files = [...entries.values()].flatMap((entry) => {
    const named = readFileEntry(entry.name)
    return named ? [{ entry, ...named }] : []
  })
  const calls = entries.get(CALLS_ENTRY)
  const bytes = [...stores, ...files].reduce((sum, { entry }) => sum + entry.bytes, calls?.bytes ?? 0)
  const tooLarge = files.find(({ entry }) => entry.bytes > STUDENT_FILE_LIMIT)
  if (tooLarge) throw new BadFile(`${shorten(tooLarge.entry.name)} is too large`)
  if (bytes > UNPACKED_LIMIT || bytes > RATIO_FREE + RATIO_LIMIT * file.size)
    throw new BadFile('it unpacks to far more than a project can contain')

  return {
    project,
    bytes,
    async *readParts(toStore) {
      const check = new ProjectCheck(project.id)
      let read = 0
      for (const { store, entry } of stores) {
        let line = 0
        for await (const lines of readLines(
          entry.name,
          readCounted(file, entry, (count) => (read += count)),
        )) {
          yield {
            kind: 'records',
            store,
            records: lines.map((text) => readLine({ store, version, text, line: ++line }, check)),
            bytes: read,
          }
        }
      }
      const problem = check.end()
      if (problem !== undefined) throw new BadFile(problem)
      if (calls && toStore) yield* readCallParts(file, calls, check, read)
      read += calls?.bytes ?? 0
      for (const { entry, studentId, name } of files) {
        const id = readId('student', studentId)
        if (id === undefined || !check.has('students', id))
          throw new BadFile(`${shorten(entry.name)} belongs to no student`)
        const contents = toStore ? new Uint8Array(entry.bytes) : undefined
        let at = 0
        for await (const chunk of readZipEntry(file, entry)) {
          contents?.set(chunk, at)
          at += chunk.length
          read += chunk.length
          yield { kind: 'chunk', bytes: read }
        }
        if (contents) yield { kind: 'file', studentId: id, name, contents, bytes: read }
      }
    },
  }
}

async function* readCallParts(
  file: Blob,
  entry: ZipEntry,
  check: ProjectCheck,
  before: number,
): AsyncGenerator<Extract<ProjectPart, { kind: 'calls' }>> {
  let bytes = before
  try {
    for await (const part of readCalls(
      readCounted(file, entry, (count) => (bytes += count)),
      check,
    ))
      yield { kind: 'calls', ...part, isCut: false, bytes }
  } catch (thrown) {
    if (!(thrown instanceof BadFile)) throw thrown
    yield { kind: 'calls', calls: [], unreadable: 0, isCut: true, bytes }
  }
}

async function* readCounted(
  file: Blob,
  entry: ZipEntry,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of readZipEntry(file, entry)) {
    onBytes(chunk.length)
    yield chunk
  }
}

async function readWhole(file: Blob, entry: ZipEntry, limit: number): Promise<Uint8Array> {
  if (entry.bytes > limit) throw new BadFile(`${shorten(entry.name)} is too large`)
  const whole = new Uint8Array(entry.bytes)
  let at = 0
  for await (const chunk of readZipEntry(file, entry)) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

function readManifest(bytes: Uint8Array): { readonly project: Project; readonly version: number } {
  const parsed = parseJson(new TextDecoder().decode(bytes))
  const manifest =
    typeof parsed === 'object' && parsed !== null
      ? new Map<string, unknown>(Object.entries(parsed))
      : new Map<string, unknown>()
  if (manifest.get('format') !== PROJECT_FILE)
    throw new BadFile(`it is a zip file, but not a saved project: its ${MANIFEST} has another format`)
  const version = manifest.get('version')
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1)
    throw new BadFile(`${MANIFEST} has no version`)
  if (version > PROJECT_FILE_VERSION)
    throw new BadFile('it was saved by a newer version of this page. Reload the page to get that version')
  const project = readRecord(projectRecord, manifest.get('project'))
  if (!project.ok) throw new BadFile(`the project in ${MANIFEST} is invalid: ${project.reason}`)
  return { project: project.record, version }
}

interface RecordLine {
  readonly store: ProjectStore
  /** The file's version. */
  readonly version: number
  readonly text: string
  /** From 1. */
  readonly line: number
}

function readLine({ store, version, text, line }: RecordLine, check: ProjectCheck): RecordOf<ProjectStore> {
  const read = readRecord(RECORDS[store], upgradeRecord(store, parseJson(text), version))
  const problem = read.ok ? check.add(store, read.record) : read.reason
  if (!read.ok || problem !== undefined) throw new BadFile(`${entryOfStore(store)} line ${line}: ${problem}`)
  return read.record
}

/** Undefined if it is not JSON, which no schema accepts. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
