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
  readonly clients: { claim(): Promise<void> }
  readonly caches: CacheStorage
  readonly navigator: { readonly gpu?: unknown }
  addEventListener(name: 'install' | 'activate', listener: (event: LifeEvent) => void): void
  addEventListener(name: 'fetch', listener: (event: RequestEvent) => void): void
  addEventListener(name: 'message', listener: (event: LifeEvent & { readonly data: unknown }) => void): void
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

/** The engine files that this browser can use: the others are tens of megabytes that it would never run. */
function usableEngines(): string[] {
  const { wasm = [], jspi = [], asyncify = [] } = manifest.engines
  const gpu = scope.navigator.gpu === undefined ? [] : 'Suspending' in WebAssembly ? jspi : asyncify
  return [...wasm, ...gpu].map(addressOf)
}

async function cacheAll(addresses: Iterable<string>): Promise<void> {
  const cache = await scope.caches.open(cacheName)
  for (const address of addresses) {
    // The page itself must not be served stale from the browser's cache; hashed files cannot be stale.
    if ((await cache.match(address)) === undefined)
      await cache.add(new Request(address, { cache: address.includes('/assets/') ? 'default' : 'reload' }))
  }
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
function isolate(response: Response): Response {
  // Opaque responses and redirects cannot be read, so they are returned as they are.
  if (response.status === 0 || response.type === 'opaqueredirect') return response
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(manifest.headers)) headers.set(name, value)
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

/** The host's list of models; empty without a network. */
async function respondWithModelList(request: Request): Promise<Response> {
  const response = await fetch(request).catch(() => Response.json([]))
  return isolate(response)
}

async function respond(request: Request, address: string): Promise<Response> {
  const cache = await scope.caches.open(cacheName)
  const cached = await cache.match(address)
  if (cached !== undefined) return isolate(cached)
  const fetched = await fetch(request)
  if (fetched.ok && engines.has(address)) await cache.put(address, fetched.clone())
  return isolate(fetched)
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

scope.addEventListener('install', (event) => event.waitUntil(cacheAll(shell)))
scope.addEventListener('activate', (event) =>
  event.waitUntil(dropOldCaches().then(() => scope.clients.claim())),
)
// The page sends this once it is ready, so that the first visit does not wait for tens of megabytes.
scope.addEventListener('message', (event) => {
  if (event.data === 'keep-engines') event.waitUntil(cacheAll(usableEngines()))
})
scope.addEventListener('fetch', (event) => {
  if (event.request.url === addressOf('models/index.json'))
    return event.respondWith(respondWithModelList(event.request))
  const address = cacheAddressOf(event.request)
  if (address !== undefined) event.respondWith(respond(event.request, address))
})
