// Knows: partial downloads in one folder: their bytes so far, the server's tag of their version, and how they become complete files.
// Must not know: which folder, what is inside the files.
import {
  findFile,
  findFolder,
  makeFolder,
  openAppender,
  removeEntry,
  renameFile,
  safeFileName,
  writeWhole,
  type Appender,
} from './folders.ts'
import { fileInTime } from './response-limit.ts'

const PART = '.part'
const TAG = '.tag'

/** An interrupted download: bytes so far, and the server's tag of the version they belong to (may be empty). */
export interface PartialFile {
  readonly bytes: number
  readonly tag: string
}

/** True for complete files; false for partial downloads and their tags. */
export const isComplete = ({ name }: { readonly name: string }): boolean =>
  !name.endsWith(PART) && !name.endsWith(TAG)

/** The files of the folder at the path, by name. */
export function partFiles(path: readonly string[]) {
  return {
    /** The complete file, or undefined. */
    async find(name: string): Promise<File | undefined> {
      const folder = await findFolder(path)
      return folder && findFile(folder, safeFileName(name))
    },

    /** Copies a file into the folder in chunks; an interrupted copy leaves no file of that name. `onProgress` gets the bytes so far. */
    async write(
      name: string,
      contents: Blob,
      { onProgress, signal }: { onProgress?: (bytes: number) => void; signal?: AbortSignal } = {},
    ): Promise<void> {
      const part = await this.openPart(name, 0, '')
      const chunk = 8 * 1024 * 1024
      try {
        for (let from = 0; from < contents.size; from += chunk) {
          signal?.throwIfAborted()
          await part.append(
            new Uint8Array(await fileInTime(() => contents.slice(from, from + chunk).arrayBuffer())),
          )
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

    /** Removes the file and its partial download. */
    async remove(name: string): Promise<void> {
      const folder = await findFolder(path)
      if (folder === undefined) return
      for (const entry of [safeFileName(name), safeFileName(name) + PART, safeFileName(name) + TAG])
        await removeEntry(folder, entry)
    },

    /** The state of an interrupted download, or undefined. */
    async findPart(name: string): Promise<PartialFile | undefined> {
      const folder = await findFolder(path)
      const file = folder && (await findFile(folder, safeFileName(name) + PART))
      if (folder === undefined || file === undefined) return undefined
      return {
        bytes: file.size,
        tag: (await (await findFile(folder, safeFileName(name) + TAG))?.text()) ?? '',
      }
    },

    /** The bytes of an interrupted download, or undefined. */
    async readPart(name: string): Promise<File | undefined> {
      const folder = await findFolder(path)
      return folder && findFile(folder, safeFileName(name) + PART)
    },

    /** Opens the partial download to append after its first `keep` bytes, and stores `tag` with it. */
    async openPart(name: string, keep: number, tag: string): Promise<Appender> {
      const folder = await makeFolder(path)
      await writeWhole(folder, safeFileName(name) + TAG, new Blob([tag]))
      return openAppender(folder, safeFileName(name) + PART, keep)
    },

    /** The finished download becomes the file of that name. */
    async finishPart(name: string): Promise<void> {
      const folder = await makeFolder(path)
      await renameFile(folder, safeFileName(name) + PART, safeFileName(name))
      await removeEntry(folder, safeFileName(name) + TAG)
    },

    async dropPart(name: string): Promise<void> {
      const folder = await findFolder(path)
      if (folder === undefined) return
      for (const end of [PART, TAG]) await removeEntry(folder, safeFileName(name) + end)
    },
  }
}

export type PartFiles = ReturnType<typeof partFiles>
