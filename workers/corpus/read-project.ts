// Knows: how a project's file is read: its directory within bounds, its first entry, its records checked one by one, its students' files.
// Must not know: storage. The file may come from anywhere: nothing in it is believed before it was checked.
import type { StudentId } from '../../src/domain/id.ts'
import { readId } from '../../src/domain/id.ts'
import type { Project } from '../../src/domain/project.ts'
import type { RecordOf } from '../../src/storage/project-contents.ts'
import { projectRecord, readRecord, RECORDS } from '../../src/storage/records.ts'
import type { ProjectStore } from '../../src/storage/schema.ts'
import { BadFile } from './bad-file.ts'
import { CHECKED_STORES, ProjectCheck } from './check-project.ts'
import {
  entryOfStore,
  FILE_LIMIT,
  MANIFEST,
  PROJECT_FILE,
  PROJECT_FILE_VERSION,
  readFileEntry,
} from './project-file.ts'
import { readLines } from './read-lines.ts'
import { readZipDirectory, readZipEntry, shorten, type ZipEntry } from './read-zip.ts'

/** Unpacked bytes: of the first entry, of one student's file, and of all. */
const MANIFEST_LIMIT = 4_000_000
const STUDENT_FILE_LIMIT = 2_000_000_000
const UNPACKED_LIMIT = 16_000_000_000
/** Text of this kind packs to a tenth; a file that unpacks to so many times its size was made to fill a disk. */
const RATIO_LIMIT = 250
const RATIO_FREE = 50_000_000

/** What a part of the file holds. `bytes`: unpacked bytes read so far. */
export type ProjectPart =
  | {
      readonly kind: 'records'
      readonly store: ProjectStore
      readonly records: readonly RecordOf<ProjectStore>[]
      readonly bytes: number
    }
  | { readonly kind: 'piece'; readonly bytes: number }
  | {
      readonly kind: 'file'
      readonly studentId: StudentId
      readonly name: string
      readonly contents: Uint8Array
      readonly bytes: number
    }

export interface ProjectFile {
  readonly project: Project
  /** Unpacked bytes of all that is read. */
  readonly bytes: number
  /** Reads and checks everything, in an order in which it can be stored. Files' contents are gathered only where `withFiles` says so. */
  readParts(withFiles: boolean): AsyncGenerator<ProjectPart>
}

/** Opens a project's file; the records are read by `readParts`. Both throw `BadFile` where something is not as it should be. */
export async function readProjectFile(file: Blob): Promise<ProjectFile> {
  if (file.size === 0) throw new BadFile('it is empty')
  if (file.size > FILE_LIMIT + 50_000_000) throw new BadFile(`it has more than ${FILE_LIMIT / 1e9} GB`)
  const entries = await readZipDirectory(file)
  const manifest = entries.get(MANIFEST)
  if (manifest === undefined)
    throw new BadFile(`it is a zip file, but no saved project: ${MANIFEST} is missing in it`)
  const project = readManifest(await gather(file, manifest, MANIFEST_LIMIT))

  const stores = CHECKED_STORES.flatMap((store) => {
    const entry = entries.get(entryOfStore(store))
    return entry ? [{ store, entry }] : []
  })
  const files = [...entries.values()].flatMap((entry) => {
    const named = readFileEntry(entry.name)
    return named ? [{ entry, ...named }] : []
  })
  const bytes = [...stores, ...files].reduce((sum, { entry }) => sum + entry.bytes, 0)
  const tooLarge = files.find(({ entry }) => entry.bytes > STUDENT_FILE_LIMIT)
  if (tooLarge) throw new BadFile(`${shorten(tooLarge.entry.name)} is too large`)
  if (bytes > UNPACKED_LIMIT || bytes > RATIO_FREE + RATIO_LIMIT * file.size)
    throw new BadFile('it unpacks to far more than a project is')

  return {
    project,
    bytes,
    async *readParts(withFiles) {
      const check = new ProjectCheck(project.id)
      let read = 0
      for (const { store, entry } of stores) {
        let line = 0
        for await (const lines of readLines(
          entry.name,
          countPieces(file, entry, (count) => (read += count)),
        )) {
          yield {
            kind: 'records',
            store,
            records: lines.map((text) => readLine(store, text, ++line, check)),
            bytes: read,
          }
        }
      }
      const fault = check.end()
      if (fault !== undefined) throw new BadFile(fault)
      for (const { entry, studentId, name } of files) {
        const id = readId('student', studentId)
        if (id === undefined || !check.has('students', id))
          throw new BadFile(`${shorten(entry.name)} belongs to no student`)
        const contents = withFiles ? new Uint8Array(entry.bytes) : undefined
        let at = 0
        for await (const piece of readZipEntry(file, entry)) {
          contents?.set(piece, at)
          at += piece.length
          read += piece.length
          yield { kind: 'piece', bytes: read }
        }
        if (contents) yield { kind: 'file', studentId: id, name, contents, bytes: read }
      }
    },
  }
}

async function* countPieces(
  file: Blob,
  entry: ZipEntry,
  tell: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of readZipEntry(file, entry)) {
    tell(piece.length)
    yield piece
  }
}

async function gather(file: Blob, entry: ZipEntry, most: number): Promise<Uint8Array> {
  if (entry.bytes > most) throw new BadFile(`${shorten(entry.name)} is too large`)
  const whole = new Uint8Array(entry.bytes)
  let at = 0
  for await (const piece of readZipEntry(file, entry)) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

function readManifest(bytes: Uint8Array): Project {
  const parsed = parseJson(new TextDecoder().decode(bytes))
  const manifest =
    typeof parsed === 'object' && parsed !== null
      ? new Map<string, unknown>(Object.entries(parsed))
      : new Map<string, unknown>()
  if (manifest.get('format') !== PROJECT_FILE)
    throw new BadFile(`it is a zip file, but no saved project: ${MANIFEST} in it says nothing of one`)
  const version = manifest.get('version')
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1)
    throw new BadFile(`${MANIFEST} names no version`)
  if (version > PROJECT_FILE_VERSION)
    throw new BadFile('it was saved by a newer version of this page. Reload the page to get that version')
  const project = readRecord(projectRecord, manifest.get('project'))
  if (!project.ok) throw new BadFile(`the project in ${MANIFEST} is not whole: ${project.fault}`)
  return project.record
}

function readLine(
  store: ProjectStore,
  text: string,
  line: number,
  check: ProjectCheck,
): RecordOf<ProjectStore> {
  const read = readRecord(RECORDS[store], parseJson(text))
  const fault = read.ok ? check.take(store, read.record) : read.fault
  if (!read.ok || fault !== undefined) throw new BadFile(`${entryOfStore(store)} line ${line}: ${fault}`)
  return read.record
}

/** Undefined where it is no JSON, which no schema takes. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
