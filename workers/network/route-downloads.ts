// Knows: how a package that calls `fetch` and `Cache.add` itself is made to download through the network worker.
// Must not know: which package (WebLLM's worker is the one that calls this).
import type { BeyondInit } from './fetch-beyond.ts'
import { fetchWatched } from './fetch-watched.ts'

/** Replaces both in this realm, whose policy allows the page's own origin only: the realm has no other way out. */
export function routeDownloads(): void {
  const own = globalThis.fetch.bind(globalThis)
  const routed = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(input, init)
    const { origin } = new URL(request.url)
    if (origin === globalThis.origin || !/^https?:/.test(request.url)) return own(input, init)
    const signal = init.signal ?? (input instanceof Request ? input.signal : undefined)
    const options: BeyondInit = {
      method: request.method,
      // The package sends none of its own; the browser's defaults are the network worker's.
      headers: Object.fromEntries(request.headers),
      ...(signal ? { signal } : {}),
    }
    return fetchWatched(request.url, options)
  }
  globalThis.fetch = routed
  Cache.prototype.add = async function add(this: Cache, input: RequestInfo | URL): Promise<void> {
    const response = await routed(input)
    if (!response.ok)
      throw new TypeError(`Request failed: ${new Request(input).url} responded with ${response.status}`)
    await this.put(input, response)
  }
}
