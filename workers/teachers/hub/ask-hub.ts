// Knows: how a hub is asked what a model's page holds: its commit, its licence, its files with their sizes and digests.
// Must not know: which of the files are needed (src/pipeline/models), what is inside them.
// Protocol: huggingface.co's, as its own libraries use it: `/api/models/…` for lists, `/owner/name/resolve/commit/path` for files.
import { FOLDER_LIMITS, listVariants } from '../../../src/pipeline/models/variants.ts'
import {
  readHubFiles,
  readHubModel,
  readNextLink,
  type HubFile,
} from '../../../src/pipeline/models/hub-answers.ts'
import { readHubPlace, type HubPlace } from '../../../src/pipeline/models/model-address.ts'
import type { HubListing } from '../../../src/domain/model.ts'
import { RetortError } from '../../../src/protocol/errors.ts'

/** A model's page, and how its files are had. */
export interface HubFolder {
  readonly listing: HubListing
  readonly files: ReadonlyMap<string, HubFile>
  /** The page's address at the commit. */
  readonly origin: string
  /** The address of a file at the commit. */
  addressOf(path: string): string
}

/** Entries of a list of files, pages of it, and bytes of one answer, at most. */
const LIMITS = { entries: 10_000, pages: 40, bytes: 8 * 1024 * 1024 } as const

/** Asks for the model and its files. Throws `ModelRefused` where the hub gives them to nobody unasked, `DownloadFailed` where it does not answer like one. */
export async function askHub(url: string, signal: AbortSignal): Promise<HubFolder> {
  const place = readHubPlace(url)
  if (place === undefined)
    throw new RetortError(
      'DownloadFailed',
      'This is no address of a model’s page. It looks like https://huggingface.co/owner/name.',
    )
  const { base, name, revision } = place
  const api = `${base}/api/models/${encodePath(name)}`
  const { answer } = await askJson(
    revision === undefined ? api : `${api}/revision/${encodeURIComponent(revision)}`,
    place,
    signal,
  )
  const model = readHubModel(answer)
  if (model === undefined) throw noHub(place)
  if (model.isGated) throw new RetortError('ModelRefused', closedSentence(place))
  const commit = model.commit ?? revision ?? 'main'
  const files = await listFiles(`${api}/tree/${encodeURIComponent(commit)}?recursive=true`, place, signal)
  const page = `${base}/${encodePath(name)}`
  return {
    listing: {
      name,
      commit,
      ...(model.licence === undefined ? {} : { licence: model.licence }),
      variants: listVariants(files),
    },
    files: new Map(files.map((file) => [file.path, file])),
    origin: `${page}/tree/${encodeURIComponent(commit)}`,
    addressOf: (path) => `${page}/resolve/${encodeURIComponent(commit)}/${encodePath(path)}`,
  }
}

const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/')

async function listFiles(first: string, place: HubPlace, signal: AbortSignal): Promise<HubFile[]> {
  const files: HubFile[] = []
  let entries = 0
  let next: string | undefined = first
  for (let page = 0; next !== undefined; page++) {
    const { answer, link }: Answer = await askJson(next, place, signal)
    const found = readHubFiles(answer)
    if (found === undefined) throw noHub(place)
    files.push(...found)
    entries += Array.isArray(answer) ? answer.length : 0
    if (entries > LIMITS.entries || page >= LIMITS.pages)
      throw new RetortError(
        'ModelRefused',
        `“${place.name}” holds more than ${LIMITS.entries.toLocaleString('en')} files, which no model needs. Use the address of the GGUF file itself, or of another page.`,
      )
    // A page of the list that lies elsewhere is not followed: the person named this hub and no other.
    next =
      link !== undefined && new URL(link, next).origin === new URL(first).origin
        ? new URL(link, next).href
        : undefined
  }
  return files
}

interface Answer {
  readonly answer: unknown
  readonly link: string | undefined
}

async function askJson(url: string, place: HubPlace, signal: AbortSignal): Promise<Answer> {
  const { host } = new URL(place.base)
  let response: Response
  try {
    response = await fetch(url, {
      signal,
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      cache: 'no-store',
    })
  } catch (thrown) {
    signal.throwIfAborted()
    throw new RetortError(
      'DownloadFailed',
      `${host} did not answer, or does not allow other pages to ask it (CORS). Check the address and the connection, or download the files and open them from disk.`,
      { cause: thrown },
    )
  }
  if (!response.ok) {
    await response.body?.cancel()
    throw refusalOf(response.status, place)
  }
  const text = await readText(response, signal)
  if (text === undefined)
    throw new RetortError(
      'DownloadFailed',
      `${host} sent more about “${place.name}” than a list of files can be. Download the files and open them from disk.`,
    )
  try {
    const answer: unknown = JSON.parse(text)
    return { answer, link: readNextLink(response.headers.get('Link')) }
  } catch {
    throw noHub(place)
  }
}

function refusalOf(status: number, place: HubPlace): RetortError {
  const { host } = new URL(place.base)
  // The hub answers 401 for what is not there too, so that nobody learns which private models there are.
  if (status === 401 || status === 403)
    return new RetortError(
      'ModelRefused',
      `${host} shows “${place.name}” to nobody who is not signed in (${status}): it is private, or there is no such model. ${BY_HAND}`,
    )
  if (status === 404 || status === 410)
    return new RetortError(
      'ModelRefused',
      `${host} has no model “${place.name}”${place.revision === undefined ? '' : ` at “${place.revision}”`}, or is no model hub (${status}). ${FILE_ADDRESS}`,
    )
  return new RetortError(
    'DownloadFailed',
    `${host} answered ${status}${status === 429 ? ': it was asked too often' : ''}. Try again in a while, or download the files and open them from disk.`,
  )
}

const BY_HAND = 'Download its files with your account there and open the folder from disk.'
const FILE_ADDRESS = 'Check the address; that of a single model file ends in .gguf.'
const closedSentence = ({ base, name }: HubPlace): string =>
  `${new URL(base).host} gives the files of “${name}” only to people who accepted its terms there. ${BY_HAND}`
const noHub = ({ base }: HubPlace): RetortError =>
  new RetortError('DownloadFailed', `${new URL(base).host} does not answer like a model hub. ${FILE_ADDRESS}`)

/** The answer's text; undefined where it is longer than it may be. */
async function readText({ body }: Response, signal: AbortSignal): Promise<string | undefined> {
  const reader = body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (;;) {
    const read = await reader?.read()
    signal.throwIfAborted()
    if (read === undefined || read.done) return text + decoder.decode()
    bytes += read.value.length
    if (bytes > LIMITS.bytes) {
      await reader?.cancel()
      return undefined
    }
    text += decoder.decode(read.value, { stream: true })
  }
}

/** The model that is meant: the named one, or the only one. Throws `ModelRefused` with what there is. */
export function chooseVariant(
  { listing: { name, variants } }: HubFolder,
  wanted: string | undefined,
): HubListing['variants'][number] {
  const found =
    wanted === undefined
      ? variants.length === 1
        ? variants[0]
        : undefined
      : variants.find(({ id, files }) => id === wanted || files.includes(wanted))
  if (found !== undefined) return found
  if (variants.length === 0)
    throw new RetortError(
      'ModelRefused',
      `“${name}” holds no model that can be read: no GGUF file, no safetensors with their index, no ONNX decoder among its first ${FOLDER_LIMITS.files.toLocaleString('en')} files. Choose another page; many models have one with “GGUF” in its name.`,
    )
  const list = variants
    .slice(0, 6)
    .map(({ id }) => `“${id}”`)
    .join(', ')
  throw new RetortError(
    'ModelRefused',
    wanted === undefined
      ? `“${name}” holds ${variants.length} models: ${list}${variants.length > 6 ? ' …' : ''}. Choose one of them.`
      : `“${name}” holds no model “${wanted.slice(0, 120)}”. It has ${list}.`,
  )
}
