// Knows: the origin-private file system as far as src/storage uses it, in memory, with a quota and without the features that some browsers lack.
// A stand-in for the browser's; the real one is exercised in a real page (tests/browser/storage.test.ts).

export interface Lacking {
  /** Max bytes of all files together. */
  readonly quota?: number
  /** As on a page of an older Safari. */
  readonly createWritable?: false
  /** As on a page, which must not write in place. */
  readonly createSyncAccessHandle?: false | 'rejects'
  readonly move?: false
}

interface StoredFile {
  bytes: Uint8Array
  changedAt: number
}
const refuse = (name: string): never => {
  throw new DOMException(`stand-in: ${name}`, name)
}

/** A file system whose `root` a test can inspect; after `writesLeft` writes every later one fails like a full disk. */
export class PrivateFiles {
  readonly root: FolderStandIn
  readonly lacking: Lacking
  writesLeft = Number.POSITIVE_INFINITY
  constructor(lacking: Lacking = {}) {
    this.lacking = lacking
    this.root = new FolderStandIn('', this)
  }

  get bytes(): number {
    return this.root.bytes
  }

  /** Throws as a browser does when `more` bytes do not fit. */
  charge(more: number): void {
    if (this.writesLeft-- <= 0 || this.bytes + more > (this.lacking.quota ?? Number.POSITIVE_INFINITY))
      refuse('QuotaExceededError')
  }
}

class FolderStandIn {
  readonly kind = 'directory'
  readonly name: string
  readonly folders = new Map<string, FolderStandIn>()
  readonly files = new Map<string, StoredFile>()
  readonly #system: PrivateFiles
  constructor(name: string, system: PrivateFiles) {
    this.name = name
    this.#system = system
  }

  get bytes(): number {
    let sum = 0
    for (const file of this.files.values()) sum += file.bytes.length
    for (const folder of this.folders.values()) sum += folder.bytes
    return sum
  }

  async getDirectoryHandle(name: string, { create = false } = {}): Promise<FolderStandIn> {
    if (this.files.has(name)) refuse('TypeMismatchError')
    const found = this.folders.get(name)
    if (found) return found
    if (!create) refuse('NotFoundError')
    const made = new FolderStandIn(name, this.#system)
    this.folders.set(name, made)
    return made
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<object> {
    if (name === '' || name === '.' || name === '..' || /[/\\]/.test(name))
      throw new TypeError(`stand-in: ${name} is not a name`)
    if (this.folders.has(name)) refuse('TypeMismatchError')
    if (!this.files.has(name)) {
      if (!create) refuse('NotFoundError')
      this.files.set(name, { bytes: new Uint8Array(), changedAt: Date.now() })
    }
    return makeFileHandle(this, name, this.#system)
  }

  async removeEntry(name: string, { recursive = false } = {}): Promise<void> {
    const folder = this.folders.get(name)
    if (folder && !recursive && folder.folders.size + folder.files.size > 0)
      refuse('InvalidModificationError')
    if (!this.folders.delete(name) && !this.files.delete(name)) refuse('NotFoundError')
  }

  async *values(): AsyncGenerator<{ kind: 'file' | 'directory'; name: string }> {
    for (const name of this.folders.keys()) yield { kind: 'directory', name }
    for (const name of this.files.keys()) yield { kind: 'file', name }
  }
}

function makeFileHandle(folder: FolderStandIn, name: string, system: PrivateFiles): object {
  const { lacking } = system
  const current = (): StoredFile => folder.files.get(name) ?? refuse('NotFoundError')
  const put = (bytes: Uint8Array): void => void folder.files.set(name, { bytes, changedAt: Date.now() })
  const handle = {
    kind: 'file',
    name,
    getFile: async () => new File([current().bytes.slice()], name, { lastModified: current().changedAt }),
  }
  const createWritable = async ({ keepExistingData = false } = {}): Promise<object> => {
    let swap = keepExistingData ? current().bytes.slice() : new Uint8Array()
    let at = 0
    return {
      write: async (data: Uint8Array | Blob) => {
        const bytes = data instanceof Blob ? new Uint8Array(await data.arrayBuffer()) : data
        system.charge(swap.length + bytes.length)
        swap = overwrite(swap, bytes, at)
        at += bytes.length
      },
      seek: async (to: number) => void (at = to),
      truncate: async (size: number) => void (swap = resize(swap, size)),
      close: async () => put(swap),
      abort: async () => undefined,
    }
  }
  const createSyncAccessHandle = async (): Promise<object> => {
    if (lacking.createSyncAccessHandle === 'rejects') throw new DOMException('', 'InvalidStateError')
    return {
      write: (bytes: Uint8Array, { at }: { at: number }) => {
        system.charge(bytes.length)
        put(overwrite(current().bytes, bytes, at))
        return bytes.length
      },
      truncate: (size: number) => put(resize(current().bytes, size)),
      getSize: () => current().bytes.length,
      flush: () => undefined,
      close: () => undefined,
    }
  }
  const move = async (to: FolderStandIn, newName: string): Promise<void> => {
    to.files.set(newName, current())
    folder.files.delete(name)
  }
  return {
    ...handle,
    ...(lacking.createWritable === false ? {} : { createWritable }),
    ...(lacking.createSyncAccessHandle === false ? {} : { createSyncAccessHandle }),
    ...(lacking.move === false ? {} : { move }),
  }
}

function resize(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const resized = new Uint8Array(size)
  resized.set(bytes.subarray(0, size))
  return resized
}
function overwrite(bytes: Uint8Array, part: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  const whole = resize(bytes, Math.max(bytes.length, at + part.length))
  whole.set(part, at)
  return whole
}

/** Installs the file system in this realm until the returned function is called; undefined: a browser without one. */
export function installPrivateFiles(
  files: PrivateFiles | undefined,
  estimate?: { quota: number; usage: number },
): () => void {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
  const storage = {
    ...(files ? { getDirectory: async () => files.root } : {}),
    ...(estimate ? { estimate: async () => estimate } : {}),
  }
  Object.defineProperty(globalThis, 'navigator', {
    configurable: true,
    value: { hardwareConcurrency: 1, storage },
  })
  return () => {
    if (before) Object.defineProperty(globalThis, 'navigator', before)
    else Reflect.deleteProperty(globalThis, 'navigator')
  }
}
