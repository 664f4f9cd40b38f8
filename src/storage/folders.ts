// Knows: the origin-private file system (or the database in its place): folders by path, atomic writes of whole files, appending, renaming.
// Must not know: what the files are.
import { RetortError } from '../protocol/errors.ts'
import { databaseFolder } from './database-folder.ts'
import type { FileHandle, Folder, Writer } from './file-handles.ts'
import { fileInTime } from './response-limit.ts'

/** A name that a person chose as a file name: no separators, no control characters, no leading dot, max 180 characters. */
export const safeFileName = (name: string): string =>
  name
    // oxlint-disable-next-line no-control-regex -- control characters are what is removed
    .replaceAll(/[/\\:*?"<>|\u0000-\u001f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '_')
    .replace(/^\.+/, '')
    .slice(-180) || 'unnamed'

/** Bytes that are copied at a time. */
const CHUNK = 8 * 1024 * 1024

const isMissing = (thrown: unknown): boolean =>
  thrown instanceof DOMException && (thrown.name === 'NotFoundError' || thrown.name === 'TypeMismatchError')

/**
 * The folder at the path, created if it is missing. Without an origin-private file system it is in the database if `orDatabase`, else
 * `StorageFailed` is thrown.
 */
export async function makeFolder(path: readonly string[], orDatabase = false): Promise<Folder> {
  return fileInTime(async () => {
    let folder = await openRoot(orDatabase)
    for (const name of path) folder = await folder.getDirectoryHandle(name, { create: true })
    return folder
  })
}

/** The folder at the path, or undefined; also where nothing can be stored. */
export async function findFolder(path: readonly string[], orDatabase = false): Promise<Folder | undefined> {
  // A storage that does not respond throws: what is in it is not missing.
  return fileInTime(async () => {
    try {
      let folder = await openRoot(orDatabase)
      for (const name of path) folder = await folder.getDirectoryHandle(name)
      return folder
    } catch (thrown) {
      if (isMissing(thrown) || thrown instanceof RetortError) return undefined
      throw thrown
    }
  })
}

async function openRoot(orDatabase: boolean): Promise<Folder> {
  const storage = globalThis.navigator?.storage
  try {
    if (storage?.getDirectory !== undefined) return (await storage.getDirectory()) as Folder // its `values` is missing in TypeScript’s DOM library
    if (orDatabase) return databaseFolder()
  } catch (thrown) {
    if (orDatabase) return databaseFolder()
    throw new RetortError(
      'StorageFailed',
      'This browser refuses to store files for the page. Leave private browsing or allow site data.',
      { cause: thrown },
    )
  }
  throw new RetortError(
    'StorageFailed',
    'This browser stores no files for the page (no origin-private file system). Leave private browsing or use a newer browser.',
  )
}

/** The file of that name as it is now, or undefined. */
export async function findFile(folder: Folder, name: string): Promise<File | undefined> {
  try {
    return await fileInTime(async () => (await folder.getFileHandle(name)).getFile())
  } catch (thrown) {
    if (isMissing(thrown)) return undefined
    throw thrown
  }
}

/** All files of a folder, by name. */
export async function listFiles(folder: Folder): Promise<File[]> {
  const files: File[] = []
  await fileInTime(async () => {
    for await (const handle of folder.values())
      if (handle.kind === 'file') files.push(await (await folder.getFileHandle(handle.name)).getFile())
  })
  return files.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** Names of the folders within a folder, in order. */
export async function listFolders(folder: Folder): Promise<string[]> {
  const names: string[] = []
  await fileInTime(async () => {
    for await (const handle of folder.values()) if (handle.kind === 'directory') names.push(handle.name)
  })
  return names.toSorted()
}

/** Removes a file or a folder with its contents; does nothing if it is missing. */
export async function removeEntry(folder: Folder, name: string): Promise<void> {
  try {
    await fileInTime(() => folder.removeEntry(name, { recursive: true }))
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown
  }
}

/** A file open for appending; what is written may be lost until `close` has returned. */
export interface Appender {
  /** Bytes in the file. */
  readonly bytes: number
  append(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** Opens a file to append to it, truncated to `keep` bytes first. Workers write in place; elsewhere a swap file is used. */
export async function openAppender(folder: Folder, name: string, keep: number): Promise<Appender> {
  // One that opens too late is closed, because an open one locks the file.
  return fileInTime(() => openNow(folder, name, keep), { onLateResult: (appender) => appender.close() })
}

async function openNow(folder: Folder, name: string, keep: number): Promise<Appender> {
  const handle: FileHandle = await folder.getFileHandle(name, { create: true })
  // Some browsers have the method and reject; the writable works there.
  const file = await handle.createSyncAccessHandle?.().catch((thrown: unknown) => {
    if (handle.createWritable === undefined) throw thrown
  })
  if (file) {
    let bytes = Math.min(keep, file.getSize())
    try {
      file.truncate(bytes)
    } catch (thrown) {
      file.close() // an open handle would lock the file
      throw thrown
    }
    return {
      get bytes() {
        return bytes
      },
      async append(part) {
        const written = file.write(part, { at: bytes })
        // A full disk is a short write, but a private window of Chromium returns the whole length even then.
        if (written < part.byteLength || file.getSize() < bytes + written)
          throw new DOMException('the file could not take all bytes', 'QuotaExceededError')
        bytes += written
      },
      async close() {
        try {
          file.flush()
        } finally {
          file.close()
        }
      },
    }
  }
  if (handle.createWritable === undefined) throw new DOMException('no way to write', 'NotSupportedError')
  const stream = await handle.createWritable({ keepExistingData: true })
  let bytes = Math.min(keep, (await handle.getFile()).size)
  await stream.truncate(bytes)
  await stream.seek(bytes)
  return {
    get bytes() {
      return bytes
    },
    async append(part) {
      await writeTo(stream, new Uint8Array(part))
      bytes += part.byteLength
    },
    close: () => fileInTime(() => stream.close(), { bytes }),
  }
}

/** These writes are never aborted: an AbortError in a private window of Chromium (“Failed to write data to data pipe”) is a full disk. */
async function writeTo(stream: Writer, contents: Blob | Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    await fileInTime(() => stream.write(contents), {
      bytes: contents instanceof Blob ? contents.size : contents.byteLength,
    })
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'AbortError')
      throw new DOMException(thrown.message, 'QuotaExceededError')
    throw thrown
  }
}

/** Renames a file within its folder, replacing any file of that name. */
export async function renameFile(folder: Folder, from: string, to: string): Promise<void> {
  const handle: FileHandle = await fileInTime(() => folder.getFileHandle(from))
  await removeEntry(folder, to)
  if (handle.move !== undefined) return fileInTime(async () => handle.move?.(folder, to))
  await copyInto(folder, to, await handle.getFile())
  await removeEntry(folder, from)
}

/** Copies the contents into a file in chunks; an interrupted copy leaves no file of that name. */
async function copyInto(folder: Folder, name: string, contents: Blob): Promise<void> {
  try {
    const appender = await openAppender(folder, name, 0)
    try {
      for (let from = 0; from < contents.size; from += CHUNK)
        await appender.append(
          new Uint8Array(await fileInTime(() => contents.slice(from, from + CHUNK).arrayBuffer())),
        )
    } finally {
      await appender.close()
    }
  } catch (thrown) {
    await removeEntry(folder, name).catch(() => undefined)
    throw thrown
  }
}

/** Writes a file atomically: it has the new contents or, if the write is interrupted, the old ones; nothing else is left. */
export async function writeWhole(folder: Folder, name: string, contents: Uint8Array | Blob): Promise<void> {
  const isNew = (await findFile(folder, name)) === undefined
  const handle: FileHandle = await fileInTime(() => folder.getFileHandle(name, { create: true }))
  try {
    const stream = await fileInTime(async () => handle.createWritable?.())
    if (stream) await writeSwapped(stream, contents)
    else await writeAndRename(folder, name, contents)
  } catch (thrown) {
    if (isNew) await removeEntry(folder, name).catch(() => undefined)
    throw thrown
  }
}

/** A writable writes to a swap file, which replaces the file when it is closed. */
async function writeSwapped(stream: Writer, contents: Uint8Array | Blob): Promise<void> {
  try {
    await writeTo(stream, contents instanceof Blob ? contents : new Uint8Array(contents))
  } catch (thrown) {
    await fileInTime(() => stream.abort()).catch(() => undefined)
    throw thrown
  }
  const bytes = contents instanceof Blob ? contents.size : contents.byteLength
  await fileInTime(() => stream.close(), { bytes })
}

/** Without writables: writes another file and renames it. */
async function writeAndRename(folder: Folder, name: string, contents: Uint8Array | Blob): Promise<void> {
  const temporary = `${name}.tmp`
  await copyInto(
    folder,
    temporary,
    contents instanceof Blob ? contents : new Blob([new Uint8Array(contents)]),
  )
  try {
    await renameFile(folder, temporary, name)
  } catch (thrown) {
    await removeEntry(folder, temporary).catch(() => undefined)
    throw thrown
  }
}
