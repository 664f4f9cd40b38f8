// Knows: models of several files: a folder each, with a manifest that lists its files, their origin, and when the download was complete.
// Must not know: what is inside the files, how they are downloaded.
import * as v from 'valibot'
import {
  findFile,
  findFolder,
  listFolders,
  makeFolder,
  removeEntry,
  safeFileName,
  writeWhole,
} from './folders.ts'
import { partFiles, type PartFiles } from './part-files.ts'

/** The folder of all stored models; each has its own folder in it, by name. */
export const MODELS = 'models'
const MANIFEST = 'manifest.retort'

/** Max parts of a path, and max files of a folder. */
const MAX_DEPTH = 8
const MAX_FILES = 2000

const path = v.pipe(
  v.string(),
  v.maxLength(400),
  v.check(
    (text) =>
      text.split('/').length <= MAX_DEPTH &&
      text.split('/').every((part) => part !== '' && part === safeFileName(part)),
    'is not a path',
  ),
)
const bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const text = v.pipe(v.string(), v.maxLength(4000))
const manifest = v.object({
  files: v.pipe(
    v.array(v.object({ path, bytes, digest: v.exactOptional(text) })),
    v.minLength(1),
    v.maxLength(MAX_FILES),
  ),
  hub: v.exactOptional(
    v.object({ url: text, variant: v.exactOptional(text), origin: text, licence: v.exactOptional(text) }),
  ),
  wholeAt: v.exactOptional(bytes),
})

/** A file that belongs to the folder. `digest` names its contents, if the server sends one. */
export interface FolderFile {
  readonly path: string
  readonly bytes: number
  readonly digest?: string
}

export interface FolderManifest {
  readonly files: readonly FolderFile[]
  /** Where it is downloaded from: the requested address, and the address at the commit. */
  readonly hub?: {
    readonly url: string
    readonly variant?: string
    readonly origin: string
    readonly licence?: string
  }
  /** When the download was complete, in milliseconds since 1970; absent before that. */
  readonly wholeAt?: number
}

export interface StoredFolder extends FolderManifest {
  readonly name: string
  /** Size of all files, and of what is downloaded of them. */
  readonly bytes: number
  readonly downloadedBytes: number
}

export const sumBytes = (files: readonly { readonly bytes: number }[]): number =>
  files.reduce((sum, file) => sum + file.bytes, 0)

async function readManifest(name: string): Promise<FolderManifest | undefined> {
  const folder = await findFolder([MODELS, safeFileName(name)])
  const file = folder && (await findFile(folder, MANIFEST))
  if (file === undefined || file.size > 2_000_000) return undefined
  try {
    const read = v.safeParse(manifest, JSON.parse(await file.text()))
    return read.success ? read.output : undefined
  } catch {
    return undefined
  }
}

async function writeManifest(name: string, contents: FolderManifest): Promise<void> {
  await writeWhole(
    await makeFolder([MODELS, safeFileName(name)]),
    MANIFEST,
    new Blob([JSON.stringify(contents)]),
  )
}

/** The folder that has a file of the model, and the file's name in it. */
export function locateFile(
  name: string,
  filePath: string,
): { readonly files: PartFiles; readonly name: string } {
  const parts = filePath.split('/').map(safeFileName)
  return { files: partFiles([MODELS, safeFileName(name), ...parts.slice(0, -1)]), name: parts.at(-1) ?? '' }
}

export const modelFolders = {
  /** Every folder with a readable manifest, complete or partly downloaded. */
  async list(): Promise<StoredFolder[]> {
    const models = await findFolder([MODELS])
    if (models === undefined) return []
    const found = await Promise.all((await listFolders(models)).map((name) => this.find(name)))
    return found.filter((folder) => folder !== undefined)
  },

  async find(name: string): Promise<StoredFolder | undefined> {
    const known = await readManifest(name)
    if (known === undefined) return undefined
    const total = sumBytes(known.files)
    const downloaded =
      known.wholeAt === undefined
        ? await Promise.all(known.files.map(async (file) => this.downloadedBytes(name, file.path)))
        : [total]
    return {
      name: safeFileName(name),
      ...known,
      bytes: total,
      downloadedBytes: downloaded.reduce((sum, n) => sum + n, 0),
    }
  },

  /** The files of a complete folder by path; undefined if it is incomplete, or if a file differs from the manifest. */
  async open(name: string): Promise<ReadonlyMap<string, File> | undefined> {
    const known = await readManifest(name)
    if (known?.wholeAt === undefined) return undefined
    const files = new Map<string, File>()
    for (const { path: filePath, bytes: size } of known.files) {
      const location = locateFile(name, filePath)
      const file = await location.files.find(location.name)
      if (file === undefined || file.size !== size) return undefined
      files.set(filePath, file)
    }
    return files
  },

  /** Bytes that are downloaded of a file. */
  async downloadedBytes(name: string, filePath: string): Promise<number> {
    const { files, name: fileName } = locateFile(name, filePath)
    return (await files.find(fileName))?.size ?? (await files.findPart(fileName))?.bytes ?? 0
  },

  /**
   * Begins a folder, or continues a partly downloaded one. A file stays if the new manifest has it with the same digest, or without a
   * digest if both manifests are of the same commit; the others are removed, so that versions never mix.
   */
  async begin(name: string, wanted: FolderManifest): Promise<void> {
    const before = await readManifest(name)
    const models = await findFolder([MODELS])
    if (models !== undefined && before === undefined) await removeEntry(models, safeFileName(name))
    const isSameCommit = before?.hub !== undefined && before.hub.origin === wanted.hub?.origin
    for (const { path: filePath, bytes: size, digest } of before?.files ?? []) {
      if (
        (isSameCommit || digest !== undefined) &&
        wanted.files.some((file) => file.path === filePath && file.bytes === size && file.digest === digest)
      )
        continue
      const location = locateFile(name, filePath)
      await location.files.remove(location.name)
    }
    const { wholeAt: _dropped, ...incomplete } = wanted
    await writeManifest(name, incomplete)
  },

  /** Marks the download as complete: from now on it is a model. */
  async finish(name: string, now: number): Promise<void> {
    const known = await readManifest(name)
    if (known !== undefined) await writeManifest(name, { ...known, wholeAt: now })
  },

  async remove(name: string): Promise<void> {
    const models = await findFolder([MODELS])
    if (models !== undefined) await removeEntry(models, safeFileName(name))
  },
}
