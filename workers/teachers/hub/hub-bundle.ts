// Knows: a model on a hub as a bundle: its headers read in place, or all of it downloaded, verified and stored.
// Must not know: how the hub's page is read (fetch-hub-folder.ts).
import type { HubListing, ModelSource, ModelVariant } from '../../../src/domain/model-source.ts'
import { sourceFromBlob, type ByteSource } from '../../../src/engine/weights/source.ts'
import type { HubFile } from '../../../src/pipeline/models/hub-responses.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { modelFiles } from '../../../src/storage/files.ts'
import { modelFolders, locateFile, sumBytes } from '../../../src/storage/model-folders.ts'
import { sourceAt } from '../address-source.ts'
import { bundleOfBlobs, type ModelBundle } from '../bundle.ts'
import { checkPart, openMemoryPart, type OpenPart } from '../download-parts.ts'
import { fetchModel } from '../fetch-model.ts'
import type { LocateOptions } from '../file-source.ts'
import { KeptCopy } from '../kept-copy.ts'
import { requireRoom } from '../require-room.ts'
import { fetchHubFolder, chooseVariant, type HubFolder } from './fetch-hub-folder.ts'

export type HubSource = Extract<ModelSource, { readonly kind: 'hub' }>

/** The page that was inspected last: the download uses the commit that the person saw, even if the page changes meanwhile. */
let lastPage:
  | { readonly url: string; readonly folder: HubFolder; readonly reads: Map<string, Promise<Uint8Array>> }
  | undefined

async function openFolder(url: string, signal: AbortSignal): Promise<HubFolder> {
  if (lastPage?.url !== url) lastPage = { url, folder: await fetchHubFolder(url, signal), reads: new Map() }
  return lastPage.folder
}

/** Other files than weights are read whole up to this size and cached until the model is loaded: the model is inspected twice before that. */
const MAX_CACHED_BYTES = 48 * 1024 * 1024

/** The source; a small file is read only once. */
function cacheReads(source: ByteSource): ByteSource {
  const reads = lastPage?.reads
  if (
    reads === undefined ||
    source.size > MAX_CACHED_BYTES ||
    /\.(gguf|safetensors|onnx|onnx_data(_\d+)?|data)$/i.test(source.name)
  )
    return source
  const readAll = (): Promise<Uint8Array> => {
    const reading = reads.get(source.name) ?? source.read(0, source.size)
    reads.set(source.name, reading)
    reading.catch(() => reads.delete(source.name))
    return reading
  }
  return { ...source, read: async (from, to) => (await readAll()).subarray(from, to) }
}

/** Lists a page's models, from a new request. */
export async function browseHub(url: string, signal: AbortSignal): Promise<HubListing> {
  lastPage = undefined
  return (await openFolder(url, signal)).listing
}

/** The model's files for reading their headers, by ranges. */
export async function peekHub({ url, variant }: HubSource, signal: AbortSignal): Promise<ModelBundle> {
  const folder = await openFolder(url, signal)
  const chosen = chooseVariant(folder, variant)
  const sources = filesOf(folder, chosen).map(({ path, bytes }): [string, ByteSource] => [
    path,
    cacheReads(sourceAt(folder.addressOf(path), path, bytes, signal)),
  ])
  return { name: nameOf(folder, chosen), files: new Map(sources), hub: hubOf(folder) }
}

const hubOf = ({ origin, listing: { licence } }: HubFolder): NonNullable<ModelBundle['hub']> => ({
  origin,
  ...(licence === undefined ? {} : { licence }),
})

/** All files, small ones first: they may show that the large ones are not needed. */
const filesOf = ({ files }: HubFolder, { files: paths }: ModelVariant): readonly HubFile[] =>
  paths.flatMap((path) => files.get(path) ?? []).toSorted((a, b) => a.bytes - b.bytes)

/** Owner and name, and the variant if there are several. A folder's name has no separators. */
function nameOf({ listing: { name, variants } }: HubFolder, { id }: ModelVariant): string {
  const base = name.replace('/', '_')
  return variants.length === 1 ? base : `${base} ${id.slice(id.lastIndexOf('/') + 1)}`
}

/** The whole model, in this browser's store or in memory. Every file is verified by its digest. */
export async function fetchHub(
  { url, variant }: HubSource,
  keep: boolean,
  options: LocateOptions,
): Promise<ModelBundle> {
  const folder = await openFolder(url, options.signal)
  const chosen = chooseVariant(folder, variant)
  try {
    const bundle = keep
      ? await fetchToStore(folder, chosen, { url, ...(variant === undefined ? {} : { variant }) }, options)
      : await fetchToMemory(folder, chosen, options)
    lastPage?.reads.clear()
    return { ...bundle, hub: hubOf(folder) }
  } catch (thrown) {
    // The files did not match the list, so the next attempt fetches the list again. After a stop, the download resumes at the same commit.
    if (!options.signal.aborted) lastPage = undefined
    throw thrown
  }
}

async function fetchToStore(
  folder: HubFolder,
  chosen: ModelVariant,
  source: Omit<HubSource, 'kind'>,
  options: LocateOptions,
): Promise<ModelBundle> {
  const { origin } = folder
  const wanted = nameOf(folder, chosen)
  const copy = new KeptCopy(wanted, options)
  const name = (await copy.attempt(() => freeName(wanted, origin, folder.listing.commit))) ?? wanted
  const files = filesOf(folder, chosen)
  let begun = false
  const isComplete = await copy.attempt(async () => {
    if ((await modelFolders.find(name))?.wholeAt !== undefined) return true
    await modelFolders.begin(name, { files, hub: { ...source, ...hubOf(folder) } })
    begun = true
    const stored = await Promise.all(files.map(({ path }) => modelFolders.downloadedBytes(name, path)))
    await requireRoom(name, sumBytes(files) - stored.reduce((sum, n) => sum + n, 0))
    return false
  })
  if (isComplete === true) return openStored(name)
  const fetched = new Map<string, Blob>()
  await eachFile(files, options, async (file, onProgress) => {
    const location = locateFile(name, file.path)
    // It was verified when it was completed; before the folder is begun, it may be of another version.
    const stored = begun ? await location.files.find(location.name).catch(() => undefined) : undefined
    const contents =
      stored?.size === file.bytes
        ? stored
        : await copy.fetch(location.files, location.name, (part) =>
            fetchChecked(folder.addressOf(file.path), file, part, onProgress, options.signal),
          )
    fetched.set(file.path, contents)
  })
  await copy.attempt(() => modelFolders.finish(name, Date.now()))
  if (!copy.refused) return openStored(name)
  await dropEmpty(name).catch(() => undefined)
  return bundleOfBlobs(name, fetched)
}

async function openStored(name: string): Promise<ModelBundle> {
  const opened = await modelFolders.open(name)
  if (opened === undefined)
    throw new RetortError(
      'ModelMissing',
      `The model “${name}” was stored, but some of its files are missing from this browser’s storage. Load it again.`,
    )
  return bundleOfBlobs(name, opened)
}

/** Removes a folder of which nothing is stored; files of a partly stored one stay, and a later download resumes. */
async function dropEmpty(name: string): Promise<void> {
  if (((await modelFolders.find(name))?.downloadedBytes ?? 0) === 0) await modelFolders.remove(name)
}

/** The name, or the name followed by the commit if another version is stored under the name already. */
async function freeName(name: string, origin: string, commit: string): Promise<string> {
  const stored = await modelFolders.find(name)
  const isTaken =
    stored === undefined
      ? (await modelFiles.find(name)) !== undefined
      : stored.wholeAt !== undefined && stored.hub?.origin !== origin
  return isTaken ? `${name} ${commit.slice(0, 8)}` : name
}

async function fetchToMemory(
  folder: HubFolder,
  chosen: ModelVariant,
  options: LocateOptions,
): Promise<ModelBundle> {
  const sources = new Map<string, ByteSource>()
  await eachFile(filesOf(folder, chosen), options, async (file, onProgress) => {
    const part = openMemoryPart()
    await fetchChecked(folder.addressOf(file.path), file, part, onProgress, options.signal)
    sources.set(file.path, sourceFromBlob(file.path, part.toBlob()))
  })
  return { name: nameOf(folder, chosen), files: sources }
}

/** One file after another; reports the progress over all of them. */
async function eachFile(
  files: readonly HubFile[],
  { signal, onProgress }: LocateOptions,
  take: (file: HubFile, onProgress: (done: number) => void) => Promise<void>,
): Promise<void> {
  const total = sumBytes(files)
  let before = 0
  for (const file of files) {
    signal.throwIfAborted()
    const report = (done: number): void =>
      onProgress({ phase: 'downloading', done: before + Math.min(done, file.bytes), total })
    report(0)
    await take(file, report)
    before += file.bytes
  }
}

/** Downloads a file into its part and closes it. A file that does not match the hub's list is deleted. */
async function fetchChecked(
  address: string,
  file: HubFile,
  part: OpenPart,
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let matches: boolean
  try {
    const checked = await checkPart(part, file, signal)
    if (checked.bytes < file.bytes) await fetchModel(address, checked, { signal, onProgress })
    matches = checked.matches()
  } finally {
    await part.close()
  }
  if (matches) return
  await part.drop()
  throw new RetortError(
    'DownloadFailed',
    `“${file.path}” arrived damaged from ${new URL(address).host}: its bytes do not match the hub’s list. The downloaded bytes were deleted; load it again to download it again.`,
  )
}
