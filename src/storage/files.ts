// Knows: where files are stored: models in one folder for all projects, as a file or a folder each; students' checkpoints by project.
// Must not know: what is inside them.
import { readId, type ProjectId, type StudentId } from '../domain/id.ts'
import {
  findFile,
  findFolder,
  listFiles,
  listFolders,
  makeFolder,
  openAppender,
  removeEntry,
  renameFile,
  safeFileName,
  writeWhole,
  type Appender,
} from './folders.ts'
import { MODELS, modelFolders } from './model-folders.ts'
import { isComplete, partFiles } from './part-files.ts'
import { fileInTime } from './response-limit.ts'

const PART = '.part'
const STUDENTS = 'students'

export interface StoredModel {
  readonly name: string
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly savedAt: number
}

const single = partFiles([MODELS])

/** Models of one file; those of several files are folders in the same folder (model-folders.ts). */
export const modelFiles = {
  ...single,

  /** Complete models by name, of one file or of several; partial downloads are not listed. */
  async list(): Promise<StoredModel[]> {
    const folder = await findFolder([MODELS])
    if (folder === undefined) return []
    const files = (await listFiles(folder))
      .filter(isComplete)
      .map(({ name, size, lastModified }) => ({ name, bytes: size, savedAt: lastModified }))
    const folders = (await modelFolders.list()).flatMap(({ name, bytes, wholeAt }) =>
      wholeAt === undefined ? [] : [{ name, bytes, savedAt: wholeAt }],
    )
    return [...files, ...folders].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  },

  /** Removes the model of that name, complete or partly downloaded, of one file or of several. */
  async remove(name: string): Promise<void> {
    await single.remove(name)
    await modelFolders.remove(name)
  },
}

/** The file with a student's weights: all that resuming, generating and exporting need. */
export const LAST_CHECKPOINT = 'last.checkpoint'

const studentFolder = (projectId: ProjectId, studentId: StudentId): string[] => [
  STUDENTS,
  projectId,
  studentId,
]

/**
 * A browser creates an empty file before the first write into it, and leaves it when the page is closed or reloaded meanwhile: such a file
 * is none.
 */
const isWritten = (file: File): boolean => file.size > 0

export const checkpointFiles = {
  /** Writes a student's file atomically: an interrupted write leaves the earlier file. */
  async write(projectId: ProjectId, studentId: StudentId, name: string, bytes: Uint8Array): Promise<void> {
    await writeWhole(await makeFolder(studentFolder(projectId, studentId), true), safeFileName(name), bytes)
  },

  async read(projectId: ProjectId, studentId: StudentId, name: string): Promise<Uint8Array | undefined> {
    const folder = await findFolder(studentFolder(projectId, studentId), true)
    const file = folder && (await findFile(folder, safeFileName(name)))
    return file && isWritten(file)
      ? new Uint8Array(await fileInTime(() => file.arrayBuffer(), { bytes: file.size }))
      : undefined
  },

  async list(projectId: ProjectId, studentId: StudentId): Promise<{ name: string; bytes: number }[]> {
    const folder = await findFolder(studentFolder(projectId, studentId), true)
    const files = folder ? (await listFiles(folder)).filter(isWritten) : []
    return files.map(({ name, size }) => ({ name, bytes: size }))
  },

  /** Ids of the projects that have files. */
  async listProjects(): Promise<ProjectId[]> {
    const students = await findFolder([STUDENTS], true)
    const names = students === undefined ? [] : await listFolders(students)
    return names.flatMap((name) => readId('project', name) ?? [])
  },

  /** Removes all files of a student, or of all students of a project. */
  async remove(projectId: ProjectId, studentId?: StudentId): Promise<void> {
    const folder = await findFolder(studentId === undefined ? [STUDENTS] : [STUDENTS, projectId], true)
    if (folder !== undefined) await removeEntry(folder, studentId ?? projectId)
  },

  /** Copies all students' files of a project to another. Does nothing if there are none. */
  async copy(from: ProjectId, to: ProjectId): Promise<void> {
    const students = await findFolder([STUDENTS, from], true)
    if (students === undefined) return
    for await (const student of students.values()) {
      if (student.kind !== 'directory') continue
      const source = await students.getDirectoryHandle(student.name)
      const target = await makeFolder([STUDENTS, to, student.name], true)
      for (const file of await listFiles(source)) await writeWhole(target, file.name, file)
    }
  },
}

/** Teachers' soft targets for a dataset's texts, stored with the project's students under the folder's first name. */
const softTargetFolder = (projectId: ProjectId): string[] => [STUDENTS, projectId, 'traces']

export const softTargetFiles = {
  async read(projectId: ProjectId, name: string): Promise<Uint8Array | undefined> {
    const folder = await findFolder(softTargetFolder(projectId), true)
    const file = folder && (await findFile(folder, safeFileName(name)))
    return file && new Uint8Array(await fileInTime(() => file.arrayBuffer(), { bytes: file.size }))
  },

  /** Complete files by name, with the file itself, so that its header can be read alone. */
  async list(projectId: ProjectId): Promise<{ readonly name: string; readonly file: File }[]> {
    const folder = await findFolder(softTargetFolder(projectId), true)
    return folder
      ? (await listFiles(folder))
          .filter(({ name }) => !name.endsWith(PART))
          .map((file) => ({ name: file.name, file }))
      : []
  },

  async remove(projectId: ProjectId, name: string): Promise<void> {
    const folder = await findFolder(softTargetFolder(projectId), true)
    if (folder) await removeEntry(folder, safeFileName(name))
  },

  /** The rows of an interrupted computation. */
  readPart(projectId: ProjectId, name: string): Promise<Uint8Array | undefined> {
    return this.read(projectId, `${name}${PART}`)
  },

  /** Opens the unfinished file to append after its first `keep` bytes. */
  async openPart(projectId: ProjectId, name: string, keep: number): Promise<Appender> {
    return openAppender(
      await makeFolder(softTargetFolder(projectId), true),
      safeFileName(`${name}${PART}`),
      keep,
    )
  },

  /** The unfinished file becomes the complete one. */
  async finishPart(projectId: ProjectId, name: string): Promise<void> {
    await renameFile(
      await makeFolder(softTargetFolder(projectId), true),
      safeFileName(`${name}${PART}`),
      safeFileName(name),
    )
  },
}

/** Removes every model and every checkpoint. */
export async function removeAll(): Promise<void> {
  const root = await findFolder([], true)
  if (root === undefined) return
  for (const name of [MODELS, STUDENTS]) await removeEntry(root, name)
}
