// Knows: a model on a hub as a bundle: its headers read where they lie, or all of it downloaded, checked and kept.
// Must not know: how the hub is asked (ask-hub.ts).
import type { HubListing, ModelSource, ModelVariant } from '../../../src/domain/model.ts'
import { sourceFromBlob, type ByteSource } from '../../../src/engine/weights/source.ts'
import type { HubFile } from '../../../src/pipeline/models/hub-answers.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { modelFiles } from '../../../src/storage/files.ts'
import { modelFolders, placeOf, sumBytes } from '../../../src/storage/model-folders.ts'
import { guardQuota } from '../../../src/storage/quota.ts'
import { sourceAt } from '../address-source.ts'
import { bundleOfBlobs, type ModelBundle } from '../bundle.ts'
import { checkPart, openMemoryPart, openStoredPart, type OpenPart } from '../download-parts.ts'
import { fetchModel } from '../fetch-model.ts'
import type { LocateOptions } from '../locate-model.ts'
import { requireRoom } from '../require-room.ts'
import { askHub, chooseVariant, type HubFolder } from './ask-hub.ts'

export type HubSource = Extract<ModelSource, { readonly kind: 'hub' }>

/** The page that was looked at last: what the person saw of it is what is downloaded, whatever moves there meanwhile. */
let seen:
  | { readonly url: string; readonly folder: HubFolder; readonly held: Map<string, Promise<Uint8Array>> }
  | undefined

async function look(url: string, signal: AbortSignal): Promise<HubFolder> {
  if (seen?.url !== url) seen = { url, folder: await askHub(url, signal), held: new Map() }
  return seen.folder
}

/** Files beside the weights up to this size are read whole and held until the model is loaded: it is looked at before that, twice. */
const HELD_BYTES = 48 * 1024 * 1024

/** The source, read once. */
function hold(source: ByteSource): ByteSource {
  const held = seen?.held
  if (
    held === undefined ||
    source.size > HELD_BYTES ||
    /\.(gguf|safetensors|onnx|onnx_data(_\d+)?|data)$/i.test(source.name)
  )
    return source
  const readAll = (): Promise<Uint8Array> => {
    const reading = held.get(source.name) ?? source.read(0, source.size)
    held.set(source.name, reading)
    reading.catch(() => held.delete(source.name))
    return reading
  }
  return { ...source, read: async (from, to) => (await readAll()).subarray(from, to) }
}

/** What a page holds, asked anew. */
export async function browseHub(url: string, signal: AbortSignal): Promise<HubListing> {
  seen = undefined
  return (await look(url, signal)).listing
}

/** The model's files for reading their headers, by ranges. */
export async function peekHub({ url, variant }: HubSource, signal: AbortSignal): Promise<ModelBundle> {
  const folder = await look(url, signal)
  const chosen = chooseVariant(folder, variant)
  const sources = filesOf(folder, chosen).map(({ path, bytes }): [string, ByteSource] => [
    path,
    hold(sourceAt(folder.addressOf(path), path, bytes, signal)),
  ])
  return { name: nameOf(folder, chosen), files: new Map(sources), hub: hubOf(folder) }
}

const hubOf = ({ origin, listing: { licence } }: HubFolder): NonNullable<ModelBundle['hub']> => ({
  origin,
  ...(licence === undefined ? {} : { licence }),
})

/** All files, small ones first: what they say may spare the large ones. */
const filesOf = ({ files }: HubFolder, { files: paths }: ModelVariant): readonly HubFile[] =>
  paths.flatMap((path) => files.get(path) ?? []).toSorted((a, b) => a.bytes - b.bytes)

/** Owner and name, and which one where there are several. A folder's name has no separators. */
function nameOf({ listing: { name, variants } }: HubFolder, { id }: ModelVariant): string {
  const base = name.replace('/', '_')
  return variants.length === 1 ? base : `${base} ${id.slice(id.lastIndexOf('/') + 1)}`
}

/** The whole model: in this browser's store where it is to be kept, else in memory. Every file is checked against its digest. */
export async function fetchHub(
  { url, variant }: HubSource,
  keep: boolean,
  options: LocateOptions,
): Promise<ModelBundle> {
  const folder = await look(url, options.signal)
  const chosen = chooseVariant(folder, variant)
  try {
    const bundle = keep
      ? await fetchToStore(folder, chosen, { url, ...(variant === undefined ? {} : { variant }) }, options)
      : await fetchToMemory(folder, chosen, options)
    seen?.held.clear()
    return { ...bundle, hub: hubOf(folder) }
  } catch (thrown) {
    // What the list said was not what came: the next try asks for the list anew. After a stop it goes on with the same commit.
    if (!options.signal.aborted) seen = undefined
    throw thrown
  }
}

async function fetchToStore(
  folder: HubFolder,
  chosen: ModelVariant,
  asked: Omit<HubSource, 'kind'>,
  options: LocateOptions,
): Promise<ModelBundle> {
  const { origin } = folder
  const name = await freeName(nameOf(folder, chosen), origin, folder.listing.commit)
  const files = filesOf(folder, chosen)
  if ((await modelFolders.find(name))?.wholeAt === undefined) {
    await guardQuota(`The model “${name}”`, () =>
      modelFolders.begin(name, { files, hub: { ...asked, ...hubOf(folder) } }),
    )
    const here = await Promise.all(files.map(({ path }) => modelFolders.bytesHere(name, path)))
    await requireRoom(name, sumBytes(files) - here.reduce((sum, n) => sum + n, 0))
    await eachFile(files, options, async (file, onProgress) => {
      const place = placeOf(name, file.path)
      if ((await place.files.find(place.name))?.size === file.bytes) return // it was checked when it became whole
      const part = await openStoredPart(place.files, place.name)
      await guardQuota(`The model “${name}”`, () =>
        fetchChecked(folder.addressOf(file.path), file, part, onProgress, options.signal),
      )
      await place.files.finishPart(place.name)
    })
    await modelFolders.finish(name, Date.now())
  }
  const kept = await modelFolders.open(name)
  if (kept === undefined)
    throw new RetortError(
      'ModelMissing',
      `The model “${name}” was kept, and files of it are gone from this browser’s storage already. Load it again.`,
    )
  return bundleOfBlobs(name, kept)
}

/** The name, or one with the commit behind it where another version is kept under the name already. */
async function freeName(name: string, origin: string, commit: string): Promise<string> {
  const kept = await modelFolders.find(name)
  const isTaken =
    kept === undefined
      ? (await modelFiles.find(name)) !== undefined
      : kept.wholeAt !== undefined && kept.hub?.origin !== origin
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

/** One file after another; progress is told over all of them. */
async function eachFile(
  files: readonly HubFile[],
  { signal, onProgress }: LocateOptions,
  take: (file: HubFile, onProgress: (done: number) => void) => Promise<void>,
): Promise<void> {
  const total = sumBytes(files)
  let before = 0
  for (const file of files) {
    signal.throwIfAborted()
    const tell = (done: number): void =>
      onProgress({ phase: 'downloading', done: before + Math.min(done, file.bytes), total })
    tell(0)
    await take(file, tell)
    before += file.bytes
  }
}

/** Downloads a file into its part and closes it. What turns out to be something else than the hub promised is thrown away. */
async function fetchChecked(
  address: string,
  file: HubFile,
  part: OpenPart,
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let isRight: boolean
  try {
    const checked = await checkPart(part, file, signal)
    if (checked.bytes < file.bytes) await fetchModel(address, checked, { signal, onProgress })
    isRight = checked.isRight()
  } finally {
    await part.close()
  }
  if (isRight) return
  await part.drop()
  throw new RetortError(
    'DownloadFailed',
    `“${file.path}” arrived damaged from ${new URL(address).host}: its bytes are not those that the hub’s list names. What came of it was thrown away; load it again to fetch it anew.`,
  )
}
