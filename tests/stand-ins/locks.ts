// Knows: Web Locks as far as the program uses them, in memory: every request is like one of another tab.

interface Request {
  readonly name: string
  readonly mode: 'exclusive' | 'shared'
  readonly start: () => void
}

/** A lock manager whose held names a test can read; `query` shows them as a browser does. */
export class Locks {
  readonly #held: { readonly name: string; readonly mode: string }[] = []
  #waiting: Request[] = []

  get held(): readonly string[] {
    return this.#held.map(({ name }) => name)
  }

  query = async (): Promise<object> => ({
    held: this.#held.map(({ name, mode }) => ({ name, mode })),
    pending: this.#waiting.map(({ name, mode }) => ({ name, mode })),
  })

  request = (
    name: string,
    optionsOrWork: LockOptions | ((lock: object | null) => unknown),
    maybeWork?: (lock: object | null) => unknown,
  ): Promise<unknown> => {
    const work = typeof optionsOrWork === 'function' ? optionsOrWork : maybeWork!
    const {
      mode = 'exclusive',
      ifAvailable = false,
      signal,
    } = typeof optionsOrWork === 'function' ? {} : optionsOrWork
    return new Promise((resolve, reject) => {
      const request: Request = {
        name,
        mode,
        start: () => {
          const lock = { name, mode }
          this.#held.push(lock)
          void Promise.resolve()
            .then(() => work(lock))
            .then(resolve, reject)
            .finally(() => {
              this.#held.splice(this.#held.indexOf(lock), 1)
              this.#grant()
            })
        },
      }
      if (this.#isFree(request)) return request.start()
      if (ifAvailable)
        return void Promise.resolve()
          .then(() => work(null))
          .then(resolve, reject)
      this.#waiting.push(request)
      signal?.addEventListener('abort', () => {
        this.#waiting = this.#waiting.filter((other) => other !== request)
        reject(new DOMException('', 'AbortError'))
      })
    })
  }

  #isFree({ name, mode }: Request): boolean {
    return !this.#held.some(
      (other) => other.name === name && (mode === 'exclusive' || other.mode === 'exclusive'),
    )
  }

  #grant(): void {
    for (const request of this.#waiting) {
      if (!this.#isFree(request)) continue
      this.#waiting = this.#waiting.filter((other) => other !== request)
      request.start()
    }
  }
}

/** Gives this realm's navigator the locks. */
export function installLocks(locks: Locks | undefined): void {
  Object.defineProperty(globalThis.navigator, 'locks', { configurable: true, value: locks })
}
