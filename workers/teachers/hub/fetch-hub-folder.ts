// Knows: how a model's page is read from a hub: its commit, its licence, its files with their sizes and digests.
// Must not know: which of the files are needed (src/pipeline/models), what they contain.
// Protocol: huggingface.co's, as its own libraries use it: `/api/models/…` for lists, `/owner/name/resolve/commit/path` for files.
import { FOLDER_LIMITS, listVariants } from '../../../src/pipeline/models/variants.ts'
import {
  readHubFiles,
  readHubModel,
  readNextLink,
  type HubFile,
} from '../../../src/pipeline/models/hub-responses.ts'
import { readHubLocation, type HubLocation } from '../../../src/pipeline/models/model-address.ts'
import type { HubListing } from '../../../src/domain/model-source.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { fetchWatched } from '../../network/fetch-watched.ts'

/** A model's page, and the addresses of its files. */
export interface HubFolder {
  readonly listing: HubListing
  readonly files: ReadonlyMap<string, HubFile>
  /** The page's address at the commit. */
  readonly origin: string
  /** The address of a file at the commit. */
  addressOf(path: string): string
}

/** Limits on the entries of a list of files, on its pages and on the bytes of one response. */
const LIMITS = { entries: 10_000, pages: 40, bytes: 8 * 1024 * 1024 } as const

/** Fetches the model's page and its list of files. Throws `ModelRefused` if the files are not public, `DownloadFailed` if the response is not a hub's. */
export async function fetchHubFolder(url: string, signal: AbortSignal): Promise<HubFolder> {
  const location = readHubLocation(url)
  if (location === undefined)
    throw new RetortError(
      'DownloadFailed',
      'This is not the address of a model’s page. It must look like https://huggingface.co/owner/name.',
    )
  const { base, name, revision } = location
  const api = `${base}/api/models/${encodePath(name)}`
  const { json } = await fetchJson(
    revision === undefined ? api : `${api}/revision/${encodeURIComponent(revision)}`,
    location,
    signal,
  )
  const model = readHubModel(json)
  if (model === undefined) throw noHub(location)
  if (model.isGated) throw new RetortError('ModelRefused', closedSentence(location))
  const commit = model.commit ?? revision ?? 'main'
  const files = await listFiles(`${api}/tree/${encodeURIComponent(commit)}?recursive=true`, location, signal)
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

async function listFiles(first: string, location: HubLocation, signal: AbortSignal): Promise<HubFile[]> {
  const files: HubFile[] = []
  let entries = 0
  let next: string | undefined = first
  for (let page = 0; next !== undefined; page++) {
    const { json, link }: HubResponse = await fetchJson(next, location, signal)
    const found = readHubFiles(json)
    if (found === undefined) throw noHub(location)
    files.push(...found)
    entries += Array.isArray(json) ? json.length : 0
    if (entries > LIMITS.entries || page >= LIMITS.pages)
      throw new RetortError(
        'ModelRefused',
        `“${location.name}” has more than ${LIMITS.entries.toLocaleString('en')} files, which no model needs. Use the address of the GGUF file itself, or of another page.`,
      )
    // A link to another host is not followed: the person named this hub and no other.
    next =
      link !== undefined && new URL(link, next).origin === new URL(first).origin
        ? new URL(link, next).href
        : undefined
  }
  return files
}

interface HubResponse {
  readonly json: unknown
  readonly link: string | undefined
}

async function fetchJson(url: string, location: HubLocation, signal: AbortSignal): Promise<HubResponse> {
  const { host } = new URL(location.base)
  let response: Response
  try {
    response = await fetchWatched(url, { signal })
  } catch (thrown) {
    signal.throwIfAborted()
    throw new RetortError(
      'DownloadFailed',
      `${host} did not respond, or does not allow other pages to call it (CORS). Check the address and the connection, or download the files and open them from disk.`,
      { cause: thrown },
    )
  }
  if (!response.ok) {
    await response.body?.cancel()
    throw refusalOf(response.status, location)
  }
  const text = await readText(response, signal)
  if (text === undefined)
    throw new RetortError(
      'DownloadFailed',
      `${host} sent a response about “${location.name}” that is too large for a list of files. Download the files and open them from disk.`,
    )
  try {
    const json: unknown = JSON.parse(text)
    return { json, link: readNextLink(response.headers.get('Link')) }
  } catch {
    throw noHub(location)
  }
}

function refusalOf(status: number, location: HubLocation): RetortError {
  const { host } = new URL(location.base)
  // The hub responds 401 for missing models too, so that nobody learns which private models exist.
  if (status === 401 || status === 403)
    return new RetortError(
      'ModelRefused',
      `${host} shows “${location.name}” only to signed-in users (${status}): it is private, or does not exist. ${BY_HAND}`,
    )
  if (status === 404 || status === 410)
    return new RetortError(
      'ModelRefused',
      `${host} has no model “${location.name}”${location.revision === undefined ? '' : ` at “${location.revision}”`}, or is not a model hub (${status}). ${FILE_ADDRESS}`,
    )
  return new RetortError(
    'DownloadFailed',
    `${host} responded with ${status}${status === 429 ? ': too many requests' : ''}. Try again later, or download the files and open them from disk.`,
  )
}

const BY_HAND = 'Download its files with your account there and open the folder from disk.'
const FILE_ADDRESS = 'Check the address; the address of a single model file ends in .gguf.'
const closedSentence = ({ base, name }: HubLocation): string =>
  `${new URL(base).host} provides the files of “${name}” only to users who accepted its terms there. ${BY_HAND}`
const noHub = ({ base }: HubLocation): RetortError =>
  new RetortError(
    'DownloadFailed',
    `${new URL(base).host} does not respond like a model hub. ${FILE_ADDRESS}`,
  )

/** The response's text; undefined if it is too long. */
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

/** The chosen variant: the named one, or the only one. Throws `ModelRefused` with the available ones. */
export function chooseVariant(
  { listing: { name, variants } }: HubFolder,
  requested: string | undefined,
): HubListing['variants'][number] {
  const found =
    requested === undefined
      ? variants.length === 1
        ? variants[0]
        : undefined
      : variants.find(({ id, files }) => id === requested || files.includes(requested))
  if (found !== undefined) return found
  if (variants.length === 0)
    throw new RetortError(
      'ModelRefused',
      `“${name}” has no model that can be read: no GGUF file, no safetensors with their index, no ONNX decoder among its first ${FOLDER_LIMITS.files.toLocaleString('en')} files. Choose another page; many models have one with “GGUF” in its name.`,
    )
  const list = variants
    .slice(0, 6)
    .map(({ id }) => `“${id}”`)
    .join(', ')
  throw new RetortError(
    'ModelRefused',
    requested === undefined
      ? `“${name}” has ${variants.length} models: ${list}${variants.length > 6 ? ' …' : ''}. Choose one of them.`
      : `“${name}” has no model “${requested.slice(0, 120)}”. It has ${list}.`,
  )
}
