// Knows: how a project's file becomes a stored project under an id of its own: all of it, or nothing.
// Must not know: the file's form (read-project.ts).
import { freshId, type ProjectId } from '../../src/domain/id.ts'
import type { Problem } from '../../src/domain/problem.ts'
import { parseProjectName, PROJECT_NAME_LIMIT, type Project } from '../../src/domain/project.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { Database } from '../../src/storage/database.ts'
import { checkpointFiles } from '../../src/storage/files.ts'
import { withLock } from '../../src/storage/locks.ts'
import { putRecords, removeOrphans, type RecordOf } from '../../src/storage/project-contents.ts'
import { deleteProject, listProjects, putProject } from '../../src/storage/projects.ts'
import { estimateStorage, guardQuota } from '../../src/storage/quota.ts'
import type { ProjectStore } from '../../src/storage/schema.ts'
import { BadFile } from './bad-file.ts'
import { readProjectFile, type ProjectFile } from './read-project.ts'

export type Opened =
  | { readonly ok: true; readonly projectId: ProjectId; readonly name: string }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Bytes done and to do; every byte is read twice: once to check, once to store. */
export interface OpenProgress {
  readonly done: number
  readonly total: number
}

/**
 * Checks the whole file, then stores it; the project appears last, so that no half of one is ever seen. What a crash leaves behind is
 * cleared away the next time. A file that is not whole comes back as a problem; throws `StorageFull`, `Busy` where another tab opens
 * one, and an AbortError: in all cases nothing stays stored.
 */
export async function openProject(
  db: Database,
  { file }: { file: File },
  call: Call<OpenProgress>,
  now: number,
): Promise<Opened> {
  const outcome = await withLock('retort open project', 'another tab', () =>
    readAndStore(db, file, call, now),
  )
  if (!outcome.held)
    throw new RetortError(
      'Busy',
      'Another tab is opening a project file. Wait until it is done, then open this one.',
    )
  return outcome.value
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
    const tell = (bytes: number): void => {
      emit({ done: Math.min(bytes, 2 * contents.bytes), total: 2 * contents.bytes })
      signal.throwIfAborted()
    }
    for await (const part of contents.readParts(false)) tell(part.bytes)
    await refuseTooLarge(contents)

    for (const left of await removeOrphans(db)) await removeFiles(left)
    const name = await findFreeName(db, contents.project.name)
    hasBegun = true
    await guardQuota(`The project “${name}”`, async () => {
      await store(db, id, contents, tell)
      const project: Project = { ...contents.project, id, name, changedAt: now }
      await putProject(db, project)
    })
    return { ok: true, projectId: id, name }
  } catch (thrown) {
    if (hasBegun) {
      await deleteProject(db, id).catch(() => undefined) // a broken store cannot be cleared now; the next opening clears it
      await removeFiles(id)
    }
    if (!(thrown instanceof BadFile)) throw thrown
    return {
      ok: false,
      problems: [
        {
          sentence: `${file.name} cannot be opened as a project: ${thrown.message}. Nothing of it was stored.`,
        },
      ],
    }
  }
}

async function store(
  db: Database,
  projectId: ProjectId,
  contents: ProjectFile,
  tell: (bytes: number) => void,
): Promise<void> {
  for await (const part of contents.readParts(true)) {
    if (part.kind === 'records')
      await putRecords(
        db,
        part.store,
        part.records.map((record): RecordOf<ProjectStore> => ({ ...record, projectId })),
      )
    if (part.kind === 'file') await checkpointFiles.write(projectId, part.studentId, part.name, part.contents)
    tell(contents.bytes + part.bytes)
  }
}

/** A browser that does not tell its room is tried: what does not fit is told and taken back. */
async function refuseTooLarge({ bytes }: ProjectFile): Promise<void> {
  const estimate = await estimateStorage().catch(() => undefined)
  const free = estimate && estimate.quotaBytes - estimate.usedBytes
  if (free === undefined || bytes <= free) return
  throw new BadFile(
    `it unpacks to ${megabytes(bytes)}, and this browser has ${megabytes(Math.max(0, free))} left for the page. Delete a model or a project, or free disk space, and open it again`,
  )
}

/** The project's own name, with a number where another project has it. */
async function findFreeName(db: Database, name: string): Promise<string> {
  const parsed = parseProjectName(name)
  const wanted = parsed.ok ? parsed.value : 'Opened project'
  const taken = new Set((await listProjects(db)).map((project) => project.name))
  if (!taken.has(wanted)) return wanted
  const stem = wanted.replace(/ \d+$/, '').slice(0, PROJECT_NAME_LIMIT - 6)
  for (let n = 2; ; n++) if (!taken.has(`${stem} ${n}`)) return `${stem} ${n}`
}

/** Nothing is said where the browser keeps no files: then there are none. */
const removeFiles = (id: ProjectId): Promise<void> => checkpointFiles.remove(id).catch(() => undefined)

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6).toLocaleString('en')} MB`
