// Knows: the ways in which a model's files are reached: picked from disk, kept in this browser, at an address, on a hub.
import type { ModelFile } from '../../src/domain/model.ts'
import { sourceFromBlob, type ByteSource } from '../../src/engine/weights/source.ts'
import { keepUsable } from '../../src/pipeline/models/variants.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { LoadProgress } from '../../src/protocol/teacher.ts'
import { modelFiles } from '../../src/storage/files.ts'
import { modelFolders, placeOf } from '../../src/storage/model-folders.ts'
import { guardQuota } from '../../src/storage/quota.ts'
import { openAddress } from './address-source.ts'
import { bundleOfBlobs, bundleOfOne, type ModelBundle } from './bundle.ts'
import { openMemoryPart, openStoredPart } from './download-parts.ts'
import { fetchModel, nameInAddress } from './fetch-model.ts'
import { fetchHub, peekHub } from './hub/hub-bundle.ts'
import type { FileSource } from './openers/files.ts'
import { requireRoom } from './require-room.ts'

export interface LocateOptions {
  readonly signal: AbortSignal
  readonly onProgress: (progress: LoadProgress) => void
}

/** The model's files for reading their headers; an address is asked for ranges. */
export async function peekModel(source: FileSource, signal: AbortSignal): Promise<ModelBundle> {
  if (source.kind === 'hub') return peekHub(source, signal)
  if (source.kind === 'url') return bundleOfOne(await openAddress(source.url, signal))
  if (source.kind === 'box') return bundleOfOne(await fetchBox(source.url, signal))
  return openLocal(source)
}

/** The page's own file: it is small, and the copy that the service worker keeps is whole. */
async function fetchBox(url: string, signal: AbortSignal): Promise<ByteSource> {
  const response = await fetch(url, { signal }).catch((thrown: unknown) => {
    signal.throwIfAborted()
    throw new RetortError(
      'DownloadFailed',
      'The teacher in the box could not be had from where this page came from. Reload the page and try again.',
      { cause: thrown },
    )
  })
  if (!response.ok)
    throw new RetortError(
      'DownloadFailed',
      `The teacher in the box could not be had from where this page came from (${response.status}). Reload the page and try again.`,
    )
  return sourceFromBlob(nameInAddress(url), await response.blob())
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
      ? `The model “${source.name}” is not kept in this browser any more. Open it from disk or download it again.`
      : `The model “${source.name}” is not whole in this browser. Load it from where it came from to go on, or delete it.`,
  )
}

/** The files that a model may have; throws `ModelRefused` where none is left. */
function requireFiles(name: string, files: readonly ModelFile[]): readonly ModelFile[] {
  const usable = keepUsable(files)
  if (usable.length === 0)
    throw new RetortError(
      'ModelRefused',
      `“${name}” holds no file that can be read. Choose the folder of the model itself.`,
    )
  return usable
}

/** The whole model, downloaded where it has to be, and kept in this browser where that is wished. */
export async function fetchWhole(
  source: FileSource,
  keep: boolean,
  options: LocateOptions,
): Promise<ModelBundle> {
  if (source.kind === 'box') return bundleOfOne(await fetchBox(source.url, options.signal))
  if (source.kind === 'url')
    return bundleOfOne(
      keep ? await downloadToStore(source.url, options) : await downloadToMemory(source.url, options),
    )
  if (source.kind === 'hub') return fetchHub(source, keep, options)
  if (!keep || source.kind === 'stored') return openLocal(source)
  const name =
    source.kind === 'file'
      ? await keepFile(source.file, options)
      : await keepFolder(source.name, source.files, options)
  return openLocal({ kind: 'stored', name })
}

async function keepFile(file: File, { signal, onProgress }: LocateOptions): Promise<string> {
  await requireRoom(file.name, file.size)
  await guardQuota(`The model “${file.name}”`, () =>
    modelFiles.write(file.name, file, {
      signal,
      onProgress: (done) => onProgress({ phase: 'keeping', done, total: file.size }),
    }),
  )
  return file.name
}

/** The name, or one with a number behind it where a model is kept under it already: that one stays. */
async function freeName(name: string): Promise<string> {
  for (let i = 1; ; i++) {
    const candidate = i === 1 ? name : `${name} ${i}`
    const [folder, file] = await Promise.all([modelFolders.find(candidate), modelFiles.find(candidate)])
    if (folder?.wholeAt === undefined && file === undefined) return candidate
  }
}

/** Copies a folder into the store; a copy that is cut off leaves nothing of it. */
async function keepFolder(
  wanted: string,
  all: readonly ModelFile[],
  { signal, onProgress }: LocateOptions,
): Promise<string> {
  const files = requireFiles(wanted, all)
  const name = await freeName(wanted)
  const total = files.reduce((sum, { file }) => sum + file.size, 0)
  await requireRoom(name, total)
  try {
    await guardQuota(`The model “${name}”`, async () => {
      await modelFolders.begin(name, { files: files.map(({ path, file }) => ({ path, bytes: file.size })) })
      let before = 0
      for (const { path, file } of files) {
        const place = placeOf(name, path)
        await place.files.write(place.name, file, {
          signal,
          onProgress: (done) => onProgress({ phase: 'keeping', done: before + done, total }),
        })
        before += file.size
      }
    })
  } catch (thrown) {
    await modelFolders.remove(name)
    throw thrown
  }
  await modelFolders.finish(name, Date.now())
  return name
}

/** Downloads a file into the model store; what an earlier try left is not asked for again. */
export async function downloadToStore(
  url: string,
  { signal, onProgress }: LocateOptions,
): Promise<ByteSource> {
  const name = nameInAddress(url)
  const left = await modelFiles.findPart(name)
  const { size } = await openAddress(url, signal)
  await requireRoom(name, size - (left?.bytes ?? 0))
  const part = await openStoredPart(modelFiles, name)
  try {
    await guardQuota(`The model “${name}”`, () =>
      fetchModel(url, part, {
        signal,
        onProgress: (done, total) => onProgress({ phase: 'downloading', done, total }),
      }),
    )
  } finally {
    await part.close()
  }
  await modelFiles.finishPart(name)
  const kept = await modelFiles.find(name)
  if (kept === undefined)
    throw new RetortError(
      'ModelMissing',
      `The model “${name}” was kept, and is gone from this browser’s storage already. Load it again.`,
    )
  return sourceFromBlob(name, kept)
}

async function downloadToMemory(url: string, { signal, onProgress }: LocateOptions): Promise<ByteSource> {
  const part = openMemoryPart()
  await fetchModel(url, part, {
    signal,
    onProgress: (done, total) => onProgress({ phase: 'downloading', done, total }),
  })
  return sourceFromBlob(nameInAddress(url), part.toBlob())
}
