// Knows: where a model's files can be: picked from disk, stored in this browser, at an address, on a hub.
import type { ModelFile } from '../../src/domain/model-source.ts'
import { sourceFromBlob, type ByteSource } from '../../src/engine/weights/source.ts'
import { keepUsable } from '../../src/pipeline/models/variants.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { modelFiles } from '../../src/storage/files.ts'
import { modelFolders, locateFile } from '../../src/storage/model-folders.ts'
import { fetchWatched } from '../network/fetch-watched.ts'
import { openAddress } from './address-source.ts'
import { bundleOfBlobs, bundleOfOne, type ModelBundle } from './bundle.ts'
import { openMemoryPart, type OpenPart } from './download-parts.ts'
import { fetchModel, nameInAddress } from './fetch-model.ts'
import { fetchHub, peekHub } from './hub/hub-bundle.ts'
import type { FileSource, LocateOptions } from './file-source.ts'
import { KeptCopy } from './kept-copy.ts'
import { requireRoom } from './require-room.ts'

/** The model's files for reading their headers; from an address, ranges are requested. */
export async function peekModel(source: FileSource, signal: AbortSignal): Promise<ModelBundle> {
  if (source.kind === 'hub') return peekHub(source, signal)
  if (source.kind === 'url') return bundleOfOne(await openAddress(source.url, signal))
  if (source.kind === 'built-in') return bundleOfOne(await fetchBuiltIn(source.url, signal))
  return openLocal(source)
}

/** The page's own file: it is small, and the service worker caches it whole. */
async function fetchBuiltIn(url: string, signal: AbortSignal): Promise<ByteSource> {
  const response = await fetchWatched(url, { signal }, { send: fetch }).catch((thrown: unknown) => {
    signal.throwIfAborted()
    throw new RetortError(
      'DownloadFailed',
      'The built-in teacher could not be downloaded from this page’s host. Reload the page and try again.',
      { cause: thrown },
    )
  })
  if (!response.ok)
    throw new RetortError(
      'DownloadFailed',
      `The built-in teacher could not be downloaded from this page’s host (${response.status}). Reload the page and try again.`,
    )
  const contents = await response.blob().catch((thrown: unknown) => {
    signal.throwIfAborted()
    throw new RetortError(
      'DownloadFailed',
      'The built-in teacher arrived only in part from this page’s host. Check the connection and try again.',
      { cause: thrown },
    )
  })
  return sourceFromBlob(nameInAddress(url), contents)
}

async function openLocal(
  source: Extract<FileSource, { kind: 'file' | 'files' | 'stored' }>,
): Promise<ModelBundle> {
  if (source.kind === 'file') return bundleOfOne(sourceFromBlob(source.file.name, source.file))
  if (source.kind === 'files')
    return bundleOfBlobs(
      source.name,
      requireFiles(source.name, source.files).map(({ path, file }) => [path, file]),
    )
  const file = await modelFiles.find(source.name)
  if (file !== undefined) return bundleOfOne(sourceFromBlob(source.name, file))
  const [files, folder] = await Promise.all([modelFolders.open(source.name), modelFolders.find(source.name)])
  if (files !== undefined)
    return { ...bundleOfBlobs(source.name, files), ...(folder?.hub ? { hub: folder.hub } : {}) }
  throw new RetortError(
    'ModelMissing',
    folder === undefined
      ? `The model “${source.name}” is not stored in this browser any more. Open it from disk or download it again.`
      : `The model “${source.name}” is only partly downloaded. Load it again from its source to resume, or delete it.`,
  )
}

/** The files that can be used; throws `ModelRefused` if there is none. */
function requireFiles(name: string, files: readonly ModelFile[]): readonly ModelFile[] {
  const usable = keepUsable(files)
  if (usable.length === 0)
    throw new RetortError(
      'ModelRefused',
      `“${name}” has no file that can be read. Choose the folder of the model itself.`,
    )
  return usable
}

/** The whole model, downloaded if necessary, and stored in this browser if `keep` is set and the browser stores it. */
export async function fetchWhole(
  source: FileSource,
  keep: boolean,
  options: LocateOptions,
): Promise<ModelBundle> {
  if (source.kind === 'built-in') return bundleOfOne(await fetchBuiltIn(source.url, options.signal))
  if (source.kind === 'url')
    return bundleOfOne(
      keep ? await downloadToStore(source.url, options) : await downloadToMemory(source.url, options),
    )
  if (source.kind === 'hub') return fetchHub(source, keep, options)
  if (!keep || source.kind === 'stored') return openLocal(source)
  const copy = new KeptCopy(source.kind === 'file' ? source.file.name : source.name, options)
  const stored = await copy.attempt(async () =>
    openLocal({
      kind: 'stored',
      name:
        source.kind === 'file'
          ? await storeFile(source.file, options)
          : await storeFolder(source.name, source.files, options),
    }),
  )
  return stored ?? openLocal(source)
}

async function storeFile(file: File, { signal, onProgress }: LocateOptions): Promise<string> {
  await requireRoom(file.name, file.size)
  await modelFiles.write(file.name, file, {
    signal,
    onProgress: (done) => onProgress({ phase: 'keeping', done, total: file.size }),
  })
  return file.name
}

/** The name, or the name followed by a number if a model is stored under it already: that one stays. */
async function freeName(name: string): Promise<string> {
  for (let i = 1; ; i++) {
    const candidate = i === 1 ? name : `${name} ${i}`
    const [folder, file] = await Promise.all([modelFolders.find(candidate), modelFiles.find(candidate)])
    if (folder?.wholeAt === undefined && file === undefined) return candidate
  }
}

/** Copies a folder into the store; an interrupted copy leaves nothing behind. */
async function storeFolder(
  requestedName: string,
  all: readonly ModelFile[],
  { signal, onProgress }: LocateOptions,
): Promise<string> {
  const files = requireFiles(requestedName, all)
  const name = await freeName(requestedName)
  const total = files.reduce((sum, { file }) => sum + file.size, 0)
  await requireRoom(name, total)
  try {
    await modelFolders.begin(name, { files: files.map(({ path, file }) => ({ path, bytes: file.size })) })
    let before = 0
    for (const { path, file } of files) {
      const location = locateFile(name, path)
      await location.files.write(location.name, file, {
        signal,
        onProgress: (done) => onProgress({ phase: 'keeping', done: before + done, total }),
      })
      before += file.size
    }
    await modelFolders.finish(name, Date.now())
  } catch (thrown) {
    await modelFolders.remove(name).catch(() => undefined) // the first error is more informative
    throw thrown
  }
  return name
}

/** Downloads a file into the model store, resuming what an earlier attempt left; into memory if the store refuses it. */
async function downloadToStore(url: string, options: LocateOptions): Promise<ByteSource> {
  const name = nameInAddress(url)
  const { size } = await openAddress(url, options.signal)
  const copy = new KeptCopy(name, options)
  await copy.attempt(async () => requireRoom(name, size - ((await modelFiles.findPart(name))?.bytes ?? 0)))
  return sourceFromBlob(name, await copy.fetch(modelFiles, name, (part) => fillPart(url, part, options)))
}

async function downloadToMemory(url: string, options: LocateOptions): Promise<ByteSource> {
  const part = openMemoryPart()
  await fillPart(url, part, options)
  return sourceFromBlob(nameInAddress(url), part.toBlob())
}

async function fillPart(url: string, part: OpenPart, { signal, onProgress }: LocateOptions): Promise<void> {
  try {
    await fetchModel(url, part, {
      signal,
      onProgress: (done, total) => onProgress({ phase: 'downloading', done, total }),
    })
  } finally {
    await part.close()
  }
}
