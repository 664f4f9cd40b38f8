// Knows: which files lie where: models in one folder for all projects, students' checkpoints by project.
// Must not know: what is inside them.
import type { ProjectId, StudentId } from '../domain/id.ts'
import { findFile, findFolder, listFiles, makeFolder, openAppender, removeEntry, renameFile, safeFileName, writeWhole, type Appender } from './folders.ts'

const MODELS = ['models']
const PART = '.part'
const TAG = '.tag'
const STUDENTS = 'students'

export interface StoredModel {
  readonly name: string
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly savedAt: number
}

/** A download that was cut off: bytes so far, and the server's tag of the version they belong to (may be empty). */
export interface PartialModel {
  readonly bytes: number
  readonly tag: string
}

export const modelFiles = {
  /** Whole models by name; downloads under way are not listed. */
  async list(): Promise<StoredModel[]> {
    const folder = await findFolder(MODELS)
    if (folder === undefined) return []
    const files = await listFiles(folder)
    return files.filter(({ name }) => !name.endsWith(PART) && !name.endsWith(TAG)).map(({ name, size, lastModified }) => ({ name, bytes: size, savedAt: lastModified }))
  },

  /** The model's file, or undefined. */
  async find(name: string): Promise<File | undefined> {
    const folder = await findFolder(MODELS)
    return folder && findFile(folder, safeFileName(name))
  },

  /** Copies a file into the store in pieces; a cut copy leaves no model of that name. `onProgress` is told bytes so far. */
  async write(name: string, contents: Blob, { onProgress, signal }: { onProgress?: (bytes: number) => void; signal?: AbortSignal } = {}): Promise<void> {
    const part = await this.openPart(name, 0, '')
    const piece = 8 * 1024 * 1024
    try {
      for (let from = 0; from < contents.size; from += piece) {
        signal?.throwIfAborted()
        await part.append(new Uint8Array(await contents.slice(from, from + piece).arrayBuffer()))
        onProgress?.(part.bytes)
      }
      await part.close()
    } catch (thrown) {
      await part.close().catch(() => undefined)
      await this.dropPart(name)
      throw thrown
    }
    await this.finishPart(name)
  },

  async remove(name: string): Promise<void> {
    const folder = await findFolder(MODELS)
    if (folder === undefined) return
    for (const entry of [safeFileName(name), safeFileName(name) + PART, safeFileName(name) + TAG]) await removeEntry(folder, entry)
  },

  /** What a cut-off download left, or undefined. */
  async findPart(name: string): Promise<PartialModel | undefined> {
    const folder = await findFolder(MODELS)
    const file = folder && (await findFile(folder, safeFileName(name) + PART))
    if (folder === undefined || file === undefined) return undefined
    return { bytes: file.size, tag: (await (await findFile(folder, safeFileName(name) + TAG))?.text()) ?? '' }
  },

  /** Opens the download's file behind its first `keep` bytes; `tag` is remembered beside it. */
  async openPart(name: string, keep: number, tag: string): Promise<Appender> {
    const folder = await makeFolder(MODELS)
    await writeWhole(folder, safeFileName(name) + TAG, new Blob([tag]))
    return openAppender(folder, safeFileName(name) + PART, keep)
  },

  /** The whole download becomes the model of that name. */
  async finishPart(name: string): Promise<void> {
    const folder = await makeFolder(MODELS)
    await renameFile(folder, safeFileName(name) + PART, safeFileName(name))
    await removeEntry(folder, safeFileName(name) + TAG)
  },

  async dropPart(name: string): Promise<void> {
    const folder = await findFolder(MODELS)
    if (folder === undefined) return
    for (const end of [PART, TAG]) await removeEntry(folder, safeFileName(name) + end)
  },
}

const studentFolder = (projectId: ProjectId, studentId: StudentId): string[] => [STUDENTS, projectId, studentId]

export const checkpointFiles = {
  /** Writes a file of a student whole: cut off, it leaves the earlier one. */
  async write(projectId: ProjectId, studentId: StudentId, name: string, bytes: Uint8Array): Promise<void> {
    await writeWhole(await makeFolder(studentFolder(projectId, studentId)), safeFileName(name), bytes)
  },

  async read(projectId: ProjectId, studentId: StudentId, name: string): Promise<Uint8Array | undefined> {
    const folder = await findFolder(studentFolder(projectId, studentId))
    const file = folder && (await findFile(folder, safeFileName(name)))
    return file && new Uint8Array(await file.arrayBuffer())
  },

  async list(projectId: ProjectId, studentId: StudentId): Promise<{ name: string; bytes: number }[]> {
    const folder = await findFolder(studentFolder(projectId, studentId))
    return folder ? (await listFiles(folder)).map(({ name, size }) => ({ name, bytes: size })) : []
  },

  /** Removes all files of a student, or of all students of a project. */
  async remove(projectId: ProjectId, studentId?: StudentId): Promise<void> {
    const folder = await findFolder(studentId === undefined ? [STUDENTS] : [STUDENTS, projectId])
    if (folder !== undefined) await removeEntry(folder, studentId ?? projectId)
  },

  /** Copies all students' files of a project to another. Nothing happens where there are none or no file system. */
  async copy(from: ProjectId, to: ProjectId): Promise<void> {
    if (globalThis.navigator?.storage?.getDirectory === undefined) return
    const students = await findFolder([STUDENTS, from])
    if (students === undefined) return
    for await (const student of students.values()) {
      if (student.kind !== 'directory') continue
      const source = await students.getDirectoryHandle(student.name)
      const target = await makeFolder([STUDENTS, to, student.name])
      for (const file of await listFiles(source)) await writeWhole(target, file.name, file)
    }
  },
}

/** Teachers' probabilities along a dataset's texts, with the project's students. */
const traceFolder = (projectId: ProjectId): string[] => [STUDENTS, projectId, 'traces']

export const traceFiles = {
  async read(projectId: ProjectId, name: string): Promise<Uint8Array | undefined> {
    const folder = await findFolder(traceFolder(projectId))
    const file = folder && (await findFile(folder, safeFileName(name)))
    return file && new Uint8Array(await file.arrayBuffer())
  },

  /** Whole files by name, with the file itself: its beginning can be read alone. */
  async list(projectId: ProjectId): Promise<{ readonly name: string; readonly file: File }[]> {
    const folder = await findFolder(traceFolder(projectId))
    return folder ? (await listFiles(folder)).filter(({ name }) => !name.endsWith(PART)).map((file) => ({ name: file.name, file })) : []
  },

  async remove(projectId: ProjectId, name: string): Promise<void> {
    const folder = await findFolder(traceFolder(projectId))
    if (folder) await removeEntry(folder, safeFileName(name))
  },

  /** What a cut-off tracing left. */
  readPart(projectId: ProjectId, name: string): Promise<Uint8Array | undefined> {
    return this.read(projectId, `${name}${PART}`)
  },

  /** Opens the unfinished file behind its first `keep` bytes. */
  async openPart(projectId: ProjectId, name: string, keep: number): Promise<Appender> {
    return openAppender(await makeFolder(traceFolder(projectId)), safeFileName(`${name}${PART}`), keep)
  },

  /** The unfinished file becomes the whole one. */
  async finishPart(projectId: ProjectId, name: string): Promise<void> {
    await renameFile(await makeFolder(traceFolder(projectId)), safeFileName(`${name}${PART}`), safeFileName(name))
  },
}

/** Removes every model and every checkpoint. */
export async function removeAll(): Promise<void> {
  const root = await findFolder([])
  if (root === undefined) return
  for (const name of [...MODELS, STUDENTS]) await removeEntry(root, name)
}
