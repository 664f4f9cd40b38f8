// Knows: folders and files in the database, for browsers without an origin-private file system: private windows, some builds of WebKit.
// A file is read and written whole, so it suits checkpoints and soft targets, not models.
// Must not know: what the files are.
import { openDatabase, type Database } from './database.ts'
import type { FileHandle, Folder, Writer } from './file-handles.ts'
import { transact } from './transactions.ts'

let opened: Promise<Database> | undefined
/** Opened on first use; after a failure the next use tries again. */
const database = (): Promise<Database> =>
  (opened ??= openDatabase().catch((thrown: unknown) => {
    opened = undefined
    throw thrown
  }))

const missing = (path: string): DOMException => new DOMException(`no ${path}`, 'NotFoundError')

/** Keys of everything under a path: `0` is the character after `/`. */
const under = (path: string): IDBKeyRange | undefined =>
  path === '' ? undefined : IDBKeyRange.bound(`${path}/`, `${path}0`, false, true)

const join = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`)

/** The folder at a path, names with `/` between them; `''` is the root. A folder exists as long as it has files. */
export function databaseFolder(path = ''): Folder {
  return {
    async getDirectoryHandle(name, { create = false } = {}) {
      const folder = join(path, name)
      if (!create && (await (await database()).count('files', under(folder))) === 0) throw missing(folder)
      return databaseFolder(folder)
    },
    async getFileHandle(name, { create = false } = {}) {
      const file = join(path, name)
      const db = await database()
      if ((await db.count('files', file)) === 0) {
        if (!create) throw missing(file)
        await db.put('files', { path: file, bytes: new Uint8Array(), changedAt: Date.now() })
      }
      return databaseFile(file, name)
    },
    async removeEntry(name) {
      const entry = join(path, name)
      const found = await transact(await database(), ['files'], 'readwrite', async ({ store }) => {
        const range = under(entry)
        const count = (await store.count(entry)) + (await store.count(range))
        await store.delete(entry)
        if (range !== undefined) await store.delete(range)
        return count
      })
      if (found === 0) throw missing(entry)
    },
    async *values() {
      const keys = await (await database()).getAllKeys('files', under(path))
      const rest = keys.map((key) => (path === '' ? key : key.slice(path.length + 1)).split('/'))
      const folders = new Set(rest.flatMap(([name, inside]) => (inside === undefined ? [] : (name ?? []))))
      for (const name of folders) yield { kind: 'directory', name }
      for (const [name, inside] of rest)
        if (name !== undefined && inside === undefined) yield { kind: 'file', name }
    },
  }
}

function databaseFile(path: string, name: string): FileHandle {
  const read = async () => {
    const found = await (await database()).get('files', path)
    if (found === undefined) throw missing(path)
    return found
  }
  return {
    async getFile() {
      const { bytes, changedAt } = await read()
      return new File([bytes], name, { lastModified: changedAt })
    },
    async createWritable({ keepExistingData = false } = {}): Promise<Writer> {
      let whole = keepExistingData ? (await read()).bytes : new Uint8Array()
      let parts: Uint8Array<ArrayBuffer>[] = []
      return {
        async write(contents) {
          parts.push(
            contents instanceof Blob
              ? new Uint8Array(await contents.arrayBuffer())
              : new Uint8Array(contents),
          )
        },
        async truncate(bytes) {
          whole = whole.slice(0, bytes)
        },
        seek: async () => undefined, // writing continues at the end, where `truncate` cut the file
        async close() {
          const blob = new Blob([whole, ...parts])
          const bytes = new Uint8Array(await blob.arrayBuffer())
          await (await database()).put('files', { path, bytes, changedAt: Date.now() })
          parts = []
        },
        abort: async () => void (parts = []),
      }
    },
  }
}
