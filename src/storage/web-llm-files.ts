// Knows: where WebLLM keeps what it downloads (the Cache API, each file under its address), so that it can be listed and deleted
// without WebLLM's six megabytes.
// Must not know: the catalogue.
import type { WebLlmKept, WebLlmModel } from '../domain/web-llm.ts'

/** WebLLM's own names of its caches. */
const WEIGHTS = 'webllm/model'
const CONFIG = 'webllm/config'
const LIBRARIES = 'webllm/wasm'
/** The list of a model's weight files; kept before them. */
const LIST = 'tensor-cache.json'

/** Where the files of a model lie; several models may share them. */
export const folderOf = ({ address }: Pick<WebLlmModel, 'address'>): string => `${address}/resolve/main/`

const cachesHere = (): CacheStorage | undefined => ('caches' in globalThis ? globalThis.caches : undefined)

/** What is kept of each model's weights, by the folder they come from. A browser that refuses its caches keeps nothing. */
export async function listWebLlmFiles(): Promise<ReadonlyMap<string, WebLlmKept>> {
  const storage = cachesHere()
  const kept = new Map<string, WebLlmKept>()
  // Opening would make the cache; a page that only looks leaves no trace.
  if (storage === undefined || !(await storage.has(WEIGHTS).catch(() => false))) return kept
  const cache = await storage.open(WEIGHTS)
  const files = new Map<string, string[]>()
  for (const { url } of await cache.keys()) {
    const folder = url.slice(0, url.lastIndexOf('/') + 1)
    files.set(folder, [...(files.get(folder) ?? []), url])
  }
  for (const [folder, urls] of files) {
    const sizes = await Promise.all(urls.map((url) => sizeOf(cache, url)))
    kept.set(folder, {
      bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
      whole: await isWhole(cache, folder, new Set(urls)),
    })
  }
  return kept
}

async function sizeOf(cache: Cache, url: string): Promise<number> {
  const response = await cache.match(url)
  const told = Number(response?.headers.get('content-length') ?? NaN)
  // A file that came compressed tells another length, or none.
  return response === undefined
    ? 0
    : Number.isSafeInteger(told) && told > 0 && !response.headers.has('content-encoding')
      ? told
      : (await response.blob()).size
}

async function isWhole(cache: Cache, folder: string, urls: ReadonlySet<string>): Promise<boolean> {
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
    return false // a damaged list: WebLLM would fetch it again
  }
}

/** Deletes all that is kept of a model, and its program unless `libraries`, those of other kept models, has it. */
export async function deleteWebLlmFiles(model: WebLlmModel, libraries: ReadonlySet<string>): Promise<void> {
  const storage = cachesHere()
  if (storage === undefined) return
  const folder = folderOf(model)
  for (const name of [WEIGHTS, CONFIG]) {
    const cache = await storage.open(name)
    for (const { url } of await cache.keys()) if (url.startsWith(folder)) await cache.delete(url)
  }
  if (!libraries.has(model.library)) await (await storage.open(LIBRARIES)).delete(model.library)
}
