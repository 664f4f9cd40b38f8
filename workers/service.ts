// Knows: which files make up the page, and the headers that isolate it. A separate classic script, built to `service.js`.
// Must not know: anything of the program; models, other origins and range requests are not intercepted.
import type { ServiceManifest } from './hosting/service-plugin.ts'

/** Inserted by the build. */
declare const SERVICE_MANIFEST: ServiceManifest

interface LifeEvent extends Event {
  waitUntil(work: Promise<unknown>): void
}
interface RequestEvent extends LifeEvent {
  readonly request: Request
  respondWith(response: Promise<Response>): void
}
/** The part of ServiceWorkerGlobalScope that is used here; the compiler's DOM library lacks it. */
interface ServiceScope {
  readonly registration: { readonly scope: string }
  readonly clients: {
    claim(): Promise<void>
    matchAll(options: {
      readonly type: 'window'
      readonly includeUncontrolled: true
    }): Promise<readonly { readonly url: string }[]>
  }
  skipWaiting(): Promise<void>
  readonly caches: CacheStorage
  readonly navigator: { readonly gpu?: unknown }
  addEventListener(name: 'install' | 'activate', listener: (event: LifeEvent) => void): void
  addEventListener(name: 'fetch', listener: (event: RequestEvent) => void): void
  addEventListener(
    name: 'message',
    listener: (event: LifeEvent & { readonly data: unknown; readonly ports: readonly MessagePort[] }) => void,
  ): void
}

const scope = globalThis as unknown as ServiceScope // what a service worker's global is
const manifest: ServiceManifest = SERVICE_MANIFEST

/** Several copies of the page may share one origin: each deletes only its own caches. */
const family = `retort ${scope.registration.scope} `
const cacheName = family + manifest.version
const addressOf = (path: string): string => new URL(path, scope.registration.scope).href
const pageAddress = addressOf('index.html')
const shell = new Set(manifest.shell.map(addressOf))
const engines = new Set(Object.values(manifest.engines).flat().map(addressOf))
const ownHeaders = new Map(
  Object.entries(manifest.ownHeaders).map(([path, headers]) => [addressOf(path), headers]),
)
const sizes = new Map(Object.entries(manifest.bytes).map(([path, bytes]) => [addressOf(path), bytes]))

/** The engine files that this browser can use: the others are tens of megabytes that it would never run. */
function usableEngines(): string[] {
  const { kernels = [], wasm = [], jspi = [], asyncify = [] } = manifest.engines
  const gpu = scope.navigator.gpu === undefined ? [] : 'Suspending' in WebAssembly ? jspi : asyncify
  // The smallest first: models run on them alone.
  return [...kernels, ...wasm, ...gpu].map(addressOf)
}

/** The browser refuses to store more, whatever error it throws for that. */
class StorageRefused extends Error {}

async function storing<T>(work: Promise<T>): Promise<T> {
  return work.catch((thrown: unknown) => {
    throw new StorageRefused('', { cause: thrown })
  })
}

/** Caches what is missing, one file after another. Throws if a file cannot be fetched, and `StorageRefused` if it cannot be stored. */
async function cacheAll(addresses: Iterable<string>, onStored?: () => Promise<void>): Promise<void> {
  const cache = await storing(scope.caches.open(cacheName))
  for (const address of addresses) {
    if ((await cache.match(address)) !== undefined) continue
    // The page itself must not be served stale from the browser's cache; hashed files cannot be stale.
    const request = new Request(address, { cache: address.includes('/assets/') ? 'default' : 'reload' })
    const response = await fetch(request)
    if (!response.ok) throw new Error(`${address}: ${response.status}`)
    await storing(cache.put(request, response))
    await onStored?.()
  }
}

/**
 * Caches what the page needs to open, the page itself last: a cached page always finds its files cached too. If the
 * storage is full, the worker is installed all the same, because the page needs its headers; the page then comes from its host.
 */
async function install(): Promise<void> {
  try {
    await cacheAll([...shell].filter((address) => address !== pageAddress))
    await cacheAll([pageAddress])
  } catch (thrown) {
    if (!(thrown instanceof StorageRefused)) throw thrown
    await (await scope.caches.open(cacheName).catch(() => undefined))?.delete(pageAddress)
  }
}

/** How much of what is needed offline is stored, in bytes. */
async function readStored(): Promise<{ stored: number; total: number }> {
  const needed = [...shell, ...usableEngines()]
  const cached = await scope.caches
    .open(cacheName)
    .then((cache) => cache.keys())
    .catch(() => [])
  const addresses = new Set(cached.map(({ url }) => url))
  const sum = (list: readonly string[]): number =>
    list.reduce((bytes, address) => bytes + (sizes.get(address) ?? 0), 0)
  return { stored: sum(needed.filter((address) => addresses.has(address))), total: sum(needed) }
}

/** Stores what is needed offline and reports each file; at the end, whether anything is missing and why. */
async function keepAll(report: (status: object) => void): Promise<void> {
  const reportStored = async (): Promise<void> => report(await readStored())
  let missing: 'full' | 'unreachable' | undefined
  try {
    await reportStored()
    await cacheAll(
      [...[...shell].filter((address) => address !== pageAddress), ...usableEngines()],
      reportStored,
    )
    await cacheAll([pageAddress], reportStored)
  } catch (thrown) {
    missing = thrown instanceof StorageRefused ? 'full' : 'unreachable'
  }
  report({ ...(await readStored()), ended: true, ...(missing === undefined ? {} : { missing }) })
}

/** Replaces the old version, unless other tabs still show it: their files would be gone. Returns how many do. */
async function takeOver(): Promise<number> {
  const pages = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const others = pages.filter(({ url }) => url.startsWith(scope.registration.scope)).length - 1
  if (others <= 0) await scope.skipWaiting()
  return Math.max(0, others)
}

async function dropOldCaches(): Promise<void> {
  const names = await scope.caches.keys()
  await Promise.all(
    names
      .filter((name) => name.startsWith(family) && name !== cacheName)
      .map((name) => scope.caches.delete(name)),
  )
}

/** The response with the isolation headers, which the host may not send. */
function isolate(response: Response, address = ''): Response {
  // Opaque responses and redirects cannot be read, so they are returned as they are.
  if (response.status === 0 || response.type === 'opaqueredirect') return response
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(ownHeaders.get(address) ?? manifest.headers))
    headers.set(name, value)
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

/** The host's list of models; empty without a network. */
async function respondWithModelList(request: Request): Promise<Response> {
  const response = await fetch(request).catch(() => Response.json([]))
  return isolate(response)
}

/** Milliseconds for a look into the cache: a page whose script waits for longer never starts. */
const CACHE_LIMIT = 3000
/** Milliseconds for deleting old caches: until then every request of the page waits. */
const CLEANING_LIMIT = 5000

/** The outcome of work; undefined if it fails or takes longer. */
const within = <T>(ms: number, work: Promise<T> | undefined): Promise<T | undefined> =>
  Promise.race([
    Promise.resolve(work).catch(() => undefined),
    new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), ms)),
  ])

/** The response; `keep` gets the work of storing it, whose failure never reaches the page. */
async function respond(
  request: Request,
  address: string,
  keep: (work: Promise<unknown>) => void,
): Promise<Response> {
  // Without storage everything is fetched.
  const cache = await within(CACHE_LIMIT, scope.caches.open(cacheName))
  const cached = await within(CACHE_LIMIT, cache?.match(address))
  if (cached !== undefined) return isolate(cached, address)
  const fetched = await fetch(request)
  if (cache !== undefined && fetched.ok && engines.has(address))
    keep(cache.put(address, fetched.clone()).catch(() => undefined))
  return isolate(fetched, address)
}

/** The address under which a request's response is cached; undefined if the request is not for this page's files. */
function cacheAddressOf(request: Request): string | undefined {
  if (
    request.method !== 'GET' ||
    request.headers.has('range') ||
    !request.url.startsWith(scope.registration.scope)
  )
    return undefined
  const { origin, pathname } = new URL(request.url)
  const address = origin + pathname
  if (address.startsWith(addressOf('models/'))) return undefined
  return request.mode === 'navigate' && address === scope.registration.scope ? pageAddress : address
}

scope.addEventListener('install', (event) => event.waitUntil(install()))
scope.addEventListener('activate', (event) =>
  event.waitUntil(within(CLEANING_LIMIT, dropOldCaches()).then(() => scope.clients.claim())),
)
scope.addEventListener('message', (event) => {
  const [port] = event.ports
  // The page sends this once it is ready, so that the first visit does not wait for tens of megabytes.
  if (event.data === 'keep-all') event.waitUntil(keepAll((status) => port?.postMessage(status)))
  if (event.data === 'take-over') event.waitUntil(takeOver().then((others) => port?.postMessage({ others })))
})
scope.addEventListener('fetch', (event) => {
  if (event.request.url === addressOf('models/index.json'))
    return event.respondWith(respondWithModelList(event.request))
  if (event.request.url === addressOf(manifest.statusPath))
    return event.respondWith(readStored().then((status) => isolate(Response.json(status))))
  const address = cacheAddressOf(event.request)
  if (address !== undefined)
    event.respondWith(
      // A response that is stored keeps the worker alive until it is stored, and the page does not wait for that.
      respond(event.request, address, (work) => event.waitUntil(work)),
    )
})
