// Knows: when the page's service worker is registered, the one reload that its headers may need, how much of the page it has stored
// for use without a network, and how a newer version takes the place of the running one.
// Must not know: what the service worker does (workers/service.ts).

const RELOADED = 'retort reloaded for isolation'

/** What the registration needs from its page; a test provides its own. */
export interface ServicePage {
  readonly isDeveloping: boolean
  readonly isIsolated: boolean
  readonly services: ServiceWorkerContainer | undefined
  readonly memory: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
  reload(): void
}

/** How much of what the page needs without a network is stored. */
export interface OfflineStatus {
  readonly storedBytes: number
  readonly totalBytes: number
  /** Storing has ended, or cannot go further for this reason; absent while it runs. */
  readonly ended?: 'complete' | 'full' | 'unreachable'
}

/** A newer version that is stored and not yet used. */
export interface WaitingVersion {
  /** Reloads the page with it. Returns the number of other tabs that show the page: then nothing happens. */
  take(): Promise<number>
}

export interface ServiceReports {
  readonly onOffline: (status: OfflineStatus) => void
  readonly onWaiting: (version: WaitingVersion) => void
  /** Resolves when the page has what its first screen needs: storing the rest must not slow that down. */
  readonly ready: Promise<unknown>
}

const thisPage = (): ServicePage => ({
  isDeveloping: import.meta.env.DEV,
  isIsolated: globalThis.crossOriginIsolated,
  services: globalThis.navigator.serviceWorker as ServiceWorkerContainer | undefined, // absent on insecure origins
  memory: globalThis.sessionStorage,
  reload: () => globalThis.location.reload(),
})

/**
 * Registers the service worker `service.js`, with which the page opens offline, and reloads the page once if the
 * host sends no isolation headers: the service worker adds them to the second load. If the page is still not isolated
 * after that, it runs on one thread. Does nothing under the development server.
 *
 * @returns a sentence if the service worker could not be registered, else undefined.
 */
export async function registerService(
  { onOffline, onWaiting, ready }: ServiceReports,
  makePage: () => ServicePage = thisPage,
): Promise<string | undefined> {
  const settled = ready.catch(() => undefined)
  try {
    const page = makePage()
    if (page.isDeveloping) return undefined
    const { services } = page
    if (services === undefined)
      return page.isIsolated
        ? 'This browser does not support service workers here, so the page needs a network to open.'
        : 'This browser does not support service workers here, so the page needs a network to open and may run on one thread, and its background workers have no policy that keeps them from calling other hosts.'
    if (page.isIsolated) page.memory.removeItem(RELOADED)
    const registration = await services.register('service.js', { scope: './' })
    watchVersions(registration, services, page, onWaiting)
    const { active } = await services.ready
    if (!page.isIsolated && page.memory.getItem(RELOADED) === null) {
      page.memory.setItem(RELOADED, 'yes')
      await whenControlled(services)
      page.reload()
      return undefined
    }
    await settled
    if (active) keepAll(active, onOffline)
    return undefined
  } catch (thrown) {
    return `The page could not be stored for offline use: ${thrown instanceof Error ? thrown.message : String(thrown)}`
  }
}

/** Milliseconds for the service worker to be installed, which fetches the page’s files, and to control the page. */
const CONTROL_LIMIT = 30_000

/**
 * Settles when workers that are started get their policies with their scripts: from the host, or from the service worker once it controls the
 * page. On a first visit to a host that sends no headers that takes a moment, after which the page is reloaded. Where no service worker comes
 * it settles too, late: then only the page itself has a policy.
 */
export function whenPolicies(makePage: () => ServicePage = thisPage): Promise<void> {
  let page: ServicePage
  try {
    page = makePage()
  } catch {
    return Promise.resolve() // without access to its storage the page registers no service worker either
  }
  const { services, isDeveloping, isIsolated } = page
  // Who sends the headers of isolation sends the policies too.
  if (isDeveloping || isIsolated || services === undefined || services.controller !== null)
    return Promise.resolve()
  return new Promise((resolve) => {
    services.addEventListener('controllerchange', () => resolve(), { once: true })
    setTimeout(resolve, CONTROL_LIMIT)
  })
}

function keepAll(active: ServiceWorker, onOffline: ServiceReports['onOffline']): void {
  const { port1, port2 } = new MessageChannel()
  port1.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    const status = readStatus(data)
    if (status !== undefined) onOffline(status)
  })
  port1.start()
  active.postMessage('keep-all', [port2])
}

/** A report of the service worker, which may be of another version than the page. */
function readStatus(data: unknown): OfflineStatus | undefined {
  if (typeof data !== 'object' || data === null || !('stored' in data) || !('total' in data)) return undefined
  const { stored, total } = data
  if (typeof stored !== 'number' || typeof total !== 'number') return undefined
  const missing = 'missing' in data ? data.missing : undefined
  return {
    storedBytes: stored,
    totalBytes: total,
    ...(!('ended' in data)
      ? {}
      : { ended: missing === 'full' || missing === 'unreachable' ? missing : 'complete' }),
  }
}

/** Reports a version that is stored and waits, now or later. The first one of all does not wait: it becomes active at once. */
function watchVersions(
  registration: ServiceWorkerRegistration,
  services: ServiceWorkerContainer,
  page: ServicePage,
  onWaiting: ServiceReports['onWaiting'],
): void {
  const report = (): void => {
    const { waiting } = registration
    if (waiting === null || registration.active === null) return
    onWaiting({
      take: async () => {
        const others = await takeOver(waiting)
        if (others > 0) return others
        await whenReplaced(services, waiting)
        page.reload()
        return 0
      },
    })
  }
  report()
  registration.addEventListener('updatefound', () => {
    const { installing } = registration
    installing?.addEventListener('statechange', () => {
      if (installing.state === 'installed') report()
    })
  })
}

/** Activates a waiting version; returns the number of other tabs that prevent it. */
const takeOver = (waiting: ServiceWorker): Promise<number> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      port1.close()
      const others = typeof data === 'object' && data !== null && 'others' in data ? data.others : 0
      resolve(typeof others === 'number' ? others : 0)
    })
    port1.start()
    waiting.postMessage('take-over', [port2])
  })

/** Resolves once the worker is active, so that a reload is served by it alone. */
function whenReplaced(services: ServiceWorkerContainer, worker: ServiceWorker): Promise<void> {
  if (worker.state === 'activated') return Promise.resolve()
  return new Promise((resolve) => {
    worker.addEventListener('statechange', () => worker.state === 'activated' && resolve())
    services.addEventListener('controllerchange', () => resolve(), { once: true })
  })
}

/**
 * Takes the newest version of the page, whatever runs: for a page that cannot open because its stored data is newer than itself.
 * Looks for a newer version on the host first; reloads in any case.
 */
export async function takeNewestVersion(makePage: () => ServicePage = thisPage): Promise<void> {
  const page = makePage()
  try {
    const registration = await page.services?.getRegistration()
    await registration?.update()
    const { installing } = registration ?? {}
    if (installing)
      await new Promise<void>((resolve) =>
        installing.addEventListener('statechange', () => installing.state !== 'installing' && resolve()),
      )
    if (page.services && registration?.waiting) {
      const { waiting } = registration
      if ((await takeOver(waiting)) === 0) await whenReplaced(page.services, waiting)
    }
  } catch {
    // Without a network or a service worker the reload is all that can be done.
  }
  page.reload()
}

/** Resolves once the service worker controls the page, at the latest after two seconds (a forced reload has no controller). */
function whenControlled(services: ServiceWorkerContainer): Promise<void> {
  if (services.controller !== null) return Promise.resolve()
  return new Promise((resolve) => {
    services.addEventListener('controllerchange', () => resolve(), { once: true })
    setTimeout(resolve, 2000)
  })
}
