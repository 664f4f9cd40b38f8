// Knows: how a project becomes one file: every record as a line of JSON, every file of its students unchanged.
// Must not know: how such a file is read (open-project.ts).
import { deflateSync, Zip, ZipDeflate, ZipPassThrough } from 'fflate'
import type { ProjectId } from '../../src/domain/id.ts'
import type { Project } from '../../src/domain/project.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { Transferred } from '../../src/protocol/contract.ts'
import type { NamedFile } from '../../src/protocol/corpus.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { countCalls, eachSavedCall, type SavedCall } from '../../src/storage/calls.ts'
import type { Database } from '../../src/storage/database.ts'
import { checkpointFiles } from '../../src/storage/files.ts'
import { safeFileName } from '../../src/storage/folders.ts'
import { countRecords, eachRecord } from '../../src/storage/project-contents.ts'
import { getProject } from '../../src/storage/projects.ts'
import { writeCall } from '../../src/storage/records.ts'
import { listStudents } from '../../src/storage/students.ts'
import {
  CALLS_ENTRY,
  entryOfFile,
  entryOfStore,
  FILE_LIMIT,
  MANIFEST,
  PROJECT_FILE,
  PROJECT_FILE_VERSION,
  SAVED_STORES,
} from './project-file.ts'

/** Done and in total, in records and files. */
export interface SaveProgress {
  readonly done: number
  readonly total: number
}

/**
 * The project's file, with its stored replies if `withReplies`; its bytes are transferred, not copied. Throws `StorageFailed` if the project is gone, `OutOfMemory` if it exceeds
 * the size of a file, and an AbortError if the call is aborted.
 */
export async function saveProject(
  db: Database,
  { projectId, withReplies = false }: { projectId: ProjectId; withReplies?: boolean },
  { signal, emit }: Call<SaveProgress>,
  now: number,
): Promise<Transferred<NamedFile>> {
  const project = await findProject(db, projectId)
  const students = await listStudents(db, projectId)
  const files = (
    await Promise.all(
      students.map(async ({ id }) => (await listFilesOf(projectId, id)).map((name) => ({ id, name }))),
    )
  ).flat()
  const replies = withReplies ? await countCalls(db, projectId) : 0
  const total = (await countRecords(db, projectId)) + files.length + replies
  let done = 0
  const report = (count: number): void => {
    done += count
    emit({ done: Math.min(done, total), total: Math.max(done, total) })
    signal.throwIfAborted()
  }

  const packer = new Packer(project.name, now)
  packer.add(MANIFEST, 'deflated')(
    encode(
      `${JSON.stringify({ format: PROJECT_FILE, version: PROJECT_FILE_VERSION, savedAt: now, project })}\n`,
    ),
    true,
  )
  if (replies > 0) {
    // Before the runs that use them.
    const push = packer.add(CALLS_ENTRY, 'deflated')
    for await (const page of eachSavedCall(db, projectId)) {
      push(encode(linesOfCalls(page)), false)
      report(page.length)
    }
    push(new Uint8Array(), true)
  }
  for (const store of SAVED_STORES) {
    const push = packer.add(entryOfStore(store), 'deflated')
    for await (const page of eachRecord(db, store, projectId)) {
      push(encode(linesOf(page)), false)
      report(page.length)
    }
    push(new Uint8Array(), true)
  }
  for (const { id, name } of files) {
    // Weights hardly compress: deflating them would only take time.
    const bytes = await checkpointFiles.read(projectId, id, name)
    if (bytes !== undefined) packer.add(entryOfFile(id, name), 'stored')(bytes, true)
    report(1)
  }
  await findProject(db, projectId) // throws if it was deleted meanwhile, and so read only in part
  const bytes = packer.finish()
  return new Transferred(
    {
      name: `${safeFileName(project.name).replaceAll(/\s+/g, '-')}.retort.zip`,
      bytes,
      mime: 'application/zip',
    },
    [bytes.buffer],
  )
}

async function findProject(db: Database, id: ProjectId): Promise<Project> {
  const project = await getProject(db, id)
  if (project === undefined)
    throw new RetortError(
      'StorageFailed',
      'This project is no longer stored. Another tab may have deleted it. Nothing was saved.',
    )
  return project
}

/** Files of a student, without those of interrupted writes. */
async function listFilesOf(...student: Parameters<typeof checkpointFiles.list>): Promise<string[]> {
  return (await checkpointFiles.list(...student))
    .map(({ name }) => name)
    .filter((name) => !name.endsWith('.tmp'))
}

/** Replies that are packed to estimate the size of all. */
const SAMPLE = 2000

/** How many replies a project has stored, and about how many bytes they add to its file. */
export async function sizeReplies(
  db: Database,
  { projectId }: { projectId: ProjectId },
): Promise<{ readonly replies: number; readonly bytes: number }> {
  const replies = await countCalls(db, projectId)
  let sample = ''
  let sampled = 0
  // In the order of their addresses, which are hashes: the first are like the others.
  for await (const page of eachSavedCall(db, projectId)) {
    sample += linesOfCalls(page)
    sampled += page.length
    if (sampled >= SAMPLE) break
  }
  const packed = deflateSync(encode(sample), { level: 6 }).length
  return { replies, bytes: sampled === 0 ? 0 : Math.round((packed * replies) / sampled) }
}

const linesOf = (records: readonly unknown[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('')
const linesOfCalls = (calls: readonly SavedCall[]): string =>
  calls.map((call) => `${writeCall(call)}\n`).join('')
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Collects a zip file's bytes as entries are added. */
class Packer {
  readonly #name: string
  readonly #now: number
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  readonly #zip = new Zip((error, chunk) => {
    if (error) throw error
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > FILE_LIMIT)
      throw new RetortError(
        'OutOfMemory',
        `“${this.#name}” is too large for one file: it needs more than ${FILE_LIMIT / 1e9} GB. Nothing was saved. Download its datasets and students one by one instead.`,
      )
  })

  constructor(name: string, now: number) {
    this.#name = name
    this.#now = now
  }

  /** Begins an entry, whose chunks go to the returned function. One entry at a time. */
  add(name: string, method: 'stored' | 'deflated'): (bytes: Uint8Array, isLast: boolean) => void {
    const entry = method === 'deflated' ? new ZipDeflate(name, { level: 6 }) : new ZipPassThrough(name)
    entry.mtime = this.#now
    this.#zip.add(entry)
    return (bytes, isLast) => entry.push(bytes, isLast)
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.#zip.end()
    const whole = new Uint8Array(this.#bytes)
    let at = 0
    for (const chunk of this.#chunks) {
      whole.set(chunk, at)
      at += chunk.length
    }
    return whole
  }
}
