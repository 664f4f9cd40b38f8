// Knows: how a project's file becomes a stored project under a new id: all of it, or nothing.
// Must not know: the file's format (read-project.ts).
import { freshId, type ProjectId, type StudentId } from '../../src/domain/id.ts'
import type { Problem } from '../../src/domain/problem.ts'
import { plainName } from '../../src/domain/plain-name.ts'
import { parseProjectName, PROJECT_NAME_LIMIT, type Project } from '../../src/domain/project.ts'
import { readCheckpoint } from '../../src/engine/training/checkpoint.ts'
import type { Call } from '../../src/protocol/contract.ts'
import type { Database } from '../../src/storage/database.ts'
import { countCalls, putSavedCalls } from '../../src/storage/calls.ts'
import { checkpointFiles, LAST_CHECKPOINT } from '../../src/storage/files.ts'
import { STORING_LOCK, whenLocked } from '../../src/storage/locks.ts'
import { putRecords, removeOrphans, type RecordOf } from '../../src/storage/project-contents.ts'
import { deleteProject, listProjects, putProject } from '../../src/storage/projects.ts'
import { estimateStorage, guardQuota } from '../../src/storage/quota.ts'
import { getStudent, listStudents } from '../../src/storage/students.ts'
import type { ProjectStore } from '../../src/storage/schema.ts'
import { BadFile } from './bad-file.ts'
import { readProjectFile, type ProjectFile } from './read-project.ts'

export type Opened =
  | {
      readonly ok: true
      readonly projectId: ProjectId
      readonly name: string
      /** What of the file was not used: sentences. */
      readonly notes: readonly string[]
    }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Bytes done and in total; every byte is read twice: once to check, once to store. */
export interface OpenProgress {
  readonly done: number
  readonly total: number
}

/**
 * Checks the whole file, then stores it; the project itself is stored last, so that an incomplete one is never listed. Records left by a
 * crash are removed the next time. Waits while another tab stores or tidies. An invalid file is returned as problems; throws
 * `StorageFull` and an AbortError: in all these cases nothing stays stored.
 */
export async function openProject(
  db: Database,
  { file }: { file: File },
  call: Call<OpenProgress>,
  now: number,
): Promise<Opened> {
  return whenLocked(STORING_LOCK, () => readAndStore(db, file, call, now), call.signal)
}

async function readAndStore(
  db: Database,
  file: File,
  { signal, emit }: Call<OpenProgress>,
  now: number,
): Promise<Opened> {
  const id = freshId('project')
  let hasBegun = false
  try {
    const contents = await readProjectFile(file)
    const report = (bytes: number): void => {
      emit({ done: Math.min(bytes, 2 * contents.bytes), total: 2 * contents.bytes })
      signal.throwIfAborted()
    }
    for await (const part of contents.readParts(false)) report(part.bytes)
    await refuseTooLarge(contents)

    for (const left of await removeOrphans(db)) await removeFiles(left)
    const name = await findFreeName(db, contents.project.name)
    hasBegun = true
    const notes: string[] = []
    await guardQuota(`The project “${name}”`, async () => {
      notes.push(...(await store(db, id, contents, report)))
      const project: Project = { ...contents.project, id, name, changedAt: now }
      await putProject(db, project)
    })
    return { ok: true, projectId: id, name, notes }
  } catch (thrown) {
    if (hasBegun) {
      await deleteProject(db, id).catch(() => undefined) // if that fails, the next opening removes the records
      await removeFiles(id)
    }
    if (!(thrown instanceof BadFile)) throw thrown
    return {
      ok: false,
      problems: [
        {
          sentence: `${plainName(file.name)} cannot be opened as a project: ${thrown.message}. Nothing was stored.`,
        },
      ],
    }
  }
}

/** Returns sentences on what was not used. */
async function store(
  db: Database,
  projectId: ProjectId,
  contents: ProjectFile,
  report: (bytes: number) => void,
): Promise<readonly string[]> {
  const withFile = new Set<StudentId>()
  let unreadable = 0
  let isCut = false
  for await (const part of contents.readParts(true)) {
    if (part.kind === 'records')
      await putRecords(
        db,
        part.store,
        part.records.map((record): RecordOf<ProjectStore> => ({ ...record, projectId })),
      )
    if (part.kind === 'calls') {
      await putSavedCalls(db, projectId, part.calls)
      unreadable += part.unreadable
      isCut ||= part.isCut
    }
    if (part.kind === 'file') {
      if (part.name === LAST_CHECKPOINT) withFile.add(part.studentId)
      const sentence = findCheckpointProblem(part.name, part.contents)
      if (sentence === undefined)
        await checkpointFiles.write(projectId, part.studentId, part.name, part.contents)
      else await markUnusable(db, projectId, part.studentId, sentence)
    }
    report(contents.bytes + part.bytes)
  }
  for (const { id, checkpointStep } of await listStudents(db, projectId))
    if (checkpointStep > 0 && !withFile.has(id))
      await markUnusable(
        db,
        projectId,
        id,
        'The checkpoint with its weights is missing. Train a new one, or open another copy of the file.',
      )
  const stored = (await countCalls(db, projectId)).toLocaleString('en')
  return [
    ...(unreadable > 0
      ? [
          `${unreadable.toLocaleString('en')} of the stored replies in the file ${unreadable === 1 ? 'is' : 'are'} not readable and ${unreadable === 1 ? 'was' : 'were'} left out; ${stored} were opened. A run generates what is missing again.`,
        ]
      : []),
    ...(isCut
      ? [
          `The part of the file with its stored replies is damaged; ${stored} before the damage were opened. A run generates the others again.`,
        ]
      : []),
  ]
}

/** Why a file is not the checkpoint that its name says, as a sentence; undefined for a good one and for any other file. */
function findCheckpointProblem(name: string, contents: Uint8Array): string | undefined {
  if (name !== LAST_CHECKPOINT) return undefined
  const read = readCheckpoint(contents)
  return read.ok ? undefined : read.sentence
}

/** The student stays with its curve and samples, but not as a trained one: it has no weights. */
async function markUnusable(
  db: Database,
  projectId: ProjectId,
  studentId: StudentId,
  sentence: string,
): Promise<void> {
  const student = await getStudent(db, projectId, studentId)
  if (student === undefined) return
  const reason = `In the project file, ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`
  await putRecords(db, 'students', [{ ...student, status: 'failed', checkpointStep: 0, reason }])
}

/** If the browser gives no estimate, storing is tried: a full disk is then reported and undone. */
async function refuseTooLarge({ bytes }: ProjectFile): Promise<void> {
  const estimate = await estimateStorage().catch(() => undefined)
  const free = estimate && estimate.quotaBytes - estimate.usedBytes
  if (free === undefined || bytes <= free) return
  throw new BadFile(
    `it unpacks to ${megabytes(bytes)}, and this browser has ${megabytes(Math.max(0, free))} left for the page. Delete a model or a project, or free disk space, and open it again`,
  )
}

/** The project's own name, with a number if another project has that name. */
async function findFreeName(db: Database, name: string): Promise<string> {
  const parsed = parseProjectName(name)
  const wanted = parsed.ok ? parsed.value : 'Opened project'
  const taken = new Set((await listProjects(db)).map((project) => project.name))
  if (!taken.has(wanted)) return wanted
  const stem = wanted.replace(/ \d+$/, '').slice(0, PROJECT_NAME_LIMIT - 6)
  for (let n = 2; ; n++) if (!taken.has(`${stem} ${n}`)) return `${stem} ${n}`
}

/** Ignores a browser without a file system: then there are no files. */
const removeFiles = (id: ProjectId): Promise<void> => checkpointFiles.remove(id).catch(() => undefined)

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6).toLocaleString('en')} MB`
