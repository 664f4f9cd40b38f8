// Knows: a browser's Cache API in memory, as far as it is used here: responses by address and by the cache's name.

class CacheStandIn {
  readonly #responses = new Map<string, Response>()
  #url = (request: RequestInfo | URL): string => (request instanceof Request ? request.url : String(request))

  match = async (request: RequestInfo | URL): Promise<Response | undefined> =>
    this.#responses.get(this.#url(request))?.clone()
  put = async (request: RequestInfo | URL, response: Response): Promise<void> =>
    void this.#responses.set(this.#url(request), response)
  delete = async (request: RequestInfo | URL): Promise<boolean> => this.#responses.delete(this.#url(request))
  keys = async (): Promise<readonly Request[]> => [...this.#responses.keys()].map((url) => new Request(url))
}

export class CachesStandIn {
  readonly #caches = new Map<string, CacheStandIn>()

  has = async (name: string): Promise<boolean> => this.#caches.has(name)
  keys = async (): Promise<string[]> => [...this.#caches.keys()]
  open = async (name: string): Promise<CacheStandIn> => {
    const cache = this.#caches.get(name) ?? new CacheStandIn()
    this.#caches.set(name, cache)
    return cache
  }
}
