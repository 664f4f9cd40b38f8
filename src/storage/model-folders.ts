// Knows: models of several files: a folder each, with a manifest that says which files belong to it, whence, and when all were there.
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

/** The folder of all kept models, one's own folder within it by name. */
export const MODELS = 'models'
const MANIFEST = 'manifest.retort'

/** Parts of a place at most, and files of a folder. */
const DEPTH = 8
const FILES = 2000

const path = v.pipe(
  v.string(),
  v.maxLength(400),
  v.check(
    (text) =>
      text.split('/').length <= DEPTH &&
      text.split('/').every((part) => part !== '' && part === safeFileName(part)),
    'is no place',
  ),
)
const bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const text = v.pipe(v.string(), v.maxLength(4000))
const manifest = v.object({
  files: v.pipe(
    v.array(v.object({ path, bytes, digest: v.exactOptional(text) })),
    v.minLength(1),
    v.maxLength(FILES),
  ),
  hub: v.exactOptional(
    v.object({ url: text, variant: v.exactOptional(text), origin: text, licence: v.exactOptional(text) }),
  ),
  wholeAt: v.exactOptional(bytes),
})

/** A file that belongs to the folder. `digest` names its contents, where whoever sends it tells one. */
export interface FolderFile {
  readonly path: string
  readonly bytes: number
  readonly digest?: string
}

export interface FolderManifest {
  readonly files: readonly FolderFile[]
  /** Where it is downloaded from: what was asked for, and the address at the commit. */
  readonly hub?: {
    readonly url: string
    readonly variant?: string
    readonly origin: string
    readonly licence?: string
  }
  /** When all was there, in milliseconds since 1970; absent of what is half here. */
  readonly wholeAt?: number
}

export interface StoredFolder extends FolderManifest {
  readonly name: string
  /** Of all files, and of what is here of them. */
  readonly bytes: number
  readonly here: number
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

/** Where a file of a folder lies, and its name there. */
export function placeOf(
  name: string,
  filePath: string,
): { readonly files: PartFiles; readonly name: string } {
  const parts = filePath.split('/').map(safeFileName)
  return { files: partFiles([MODELS, safeFileName(name), ...parts.slice(0, -1)]), name: parts.at(-1) ?? '' }
}

export const modelFolders = {
  /** Every folder with a readable manifest, whole or half here. */
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
    const here =
      known.wholeAt === undefined
        ? await Promise.all(known.files.map(async (file) => this.bytesHere(name, file.path)))
        : [total]
    return { name: safeFileName(name), ...known, bytes: total, here: here.reduce((sum, n) => sum + n, 0) }
  },

  /** The files of a whole folder by their places; undefined where it is not whole, or where one is not as the manifest has it. */
  async open(name: string): Promise<ReadonlyMap<string, File> | undefined> {
    const known = await readManifest(name)
    if (known?.wholeAt === undefined) return undefined
    const files = new Map<string, File>()
    for (const { path: filePath, bytes: size } of known.files) {
      const place = placeOf(name, filePath)
      const file = await place.files.find(place.name)
      if (file === undefined || file.size !== size) return undefined
      files.set(filePath, file)
    }
    return files
  },

  /** Bytes that are here of a file, whole or not. */
  async bytesHere(name: string, filePath: string): Promise<number> {
    const place = placeOf(name, filePath)
    return (await place.files.find(place.name))?.size ?? (await place.files.findPart(place.name))?.bytes ?? 0
  },

  /**
   * Begins a folder, or goes on with one that is half here: files stay that the new manifest wants with the same digest, and those
   * without one where both are of one commit; the others go, so that no two versions mix.
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
      const place = placeOf(name, filePath)
      await place.files.remove(place.name)
    }
    const { wholeAt: _never, ...open } = wanted
    await writeManifest(name, open)
  },

  /** All files are there: from now on it is a model. */
  async finish(name: string, now: number): Promise<void> {
    const known = await readManifest(name)
    if (known !== undefined) await writeManifest(name, { ...known, wholeAt: now })
  },

  async remove(name: string): Promise<void> {
    const models = await findFolder([MODELS])
    if (models !== undefined) await removeEntry(models, safeFileName(name))
  },
}
