// Knows: where WebLLM stores its downloads (the Cache API, each file under its address), so that they can be listed and deleted
// without loading WebLLM's six megabytes.
// Must not know: the catalogue.
import type { WebLlmDownload, WebLlmModel } from '../domain/web-llm.ts'

/** WebLLM's own names of its caches. */
const WEIGHTS = 'webllm/model'
const CONFIG = 'webllm/config'
const LIBRARIES = 'webllm/wasm'
/** The list of a model's weight files; stored before them. */
const LIST = 'tensor-cache.json'

/** The address of a model's files; several models may share them. */
export const folderOf = ({ address }: Pick<WebLlmModel, 'address'>): string => `${address}/resolve/main/`

const openCaches = (): CacheStorage | undefined => ('caches' in globalThis ? globalThis.caches : undefined)

/** What is stored of each model's weights, by the folder they come from. A browser that refuses its caches stores nothing. */
export async function listWebLlmFiles(): Promise<ReadonlyMap<string, WebLlmDownload>> {
  const storage = openCaches()
  const downloads = new Map<string, WebLlmDownload>()
  // Opening would create the cache, and listing must not.
  if (storage === undefined || !(await storage.has(WEIGHTS).catch(() => false))) return downloads
  const cache = await storage.open(WEIGHTS)
  const files = new Map<string, string[]>()
  for (const { url } of await cache.keys()) {
    const folder = url.slice(0, url.lastIndexOf('/') + 1)
    files.set(folder, [...(files.get(folder) ?? []), url])
  }
  for (const [folder, urls] of files) {
    const sizes = await Promise.all(urls.map((url) => sizeOf(cache, url)))
    downloads.set(folder, {
      bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
      complete: await isComplete(cache, folder, new Set(urls)),
    })
  }
  return downloads
}

async function sizeOf(cache: Cache, url: string): Promise<number> {
  const response = await cache.match(url)
  const declared = Number(response?.headers.get('content-length') ?? NaN)
  // For a compressed response the header has another length, or is absent.
  return response === undefined
    ? 0
    : Number.isSafeInteger(declared) && declared > 0 && !response.headers.has('content-encoding')
      ? declared
      : (await response.blob()).size
}

async function isComplete(cache: Cache, folder: string, urls: ReadonlySet<string>): Promise<boolean> {
  try {
    const list: unknown = await (await cache.match(folder + LIST))?.json()
    const records: unknown =
      typeof list === 'object' && list !== null ? Reflect.get(list, 'records') : undefined
    if (!Array.isArray(records) || records.length === 0) return false
    return records.every((record: unknown) => {
      const path: unknown =
        typeof record === 'object' && record !== null ? Reflect.get(record, 'dataPath') : undefined
      return typeof path === 'string' && urls.has(new URL(path, folder).href)
    })
  } catch {
    return false // a damaged list: WebLLM would download it again
  }
}

/** Deletes all stored files of a model, and its library unless it is among `libraries`, those of other stored models. */
export async function deleteWebLlmFiles(model: WebLlmModel, libraries: ReadonlySet<string>): Promise<void> {
  const storage = openCaches()
  if (storage === undefined) return
  const folder = folderOf(model)
  for (const name of [WEIGHTS, CONFIG]) {
    const cache = await storage.open(name)
    for (const { url } of await cache.keys()) if (url.startsWith(folder)) await cache.delete(url)
  }
  if (!libraries.has(model.library)) await (await storage.open(LIBRARIES)).delete(model.library)
}
