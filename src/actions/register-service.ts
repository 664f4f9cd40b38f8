// Knows: when the page's service worker is registered, and the one reload that its headers may need.
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
export async function registerService(page: ServicePage = thisPage()): Promise<string | undefined> {
  if (page.isDeveloping) return undefined
  const { services } = page
  if (services === undefined)
    return 'This browser does not support service workers here, so the page needs a network to open and may run on one thread.'
  if (page.isIsolated) page.memory.removeItem(RELOADED)
  try {
    await services.register('service.js', { scope: './' })
    const { active } = await services.ready
    if (!page.isIsolated && page.memory.getItem(RELOADED) === null) {
      page.memory.setItem(RELOADED, 'yes')
      await whenControlled(services)
      page.reload()
      return undefined
    }
    active?.postMessage('keep-engines')
    return undefined
  } catch (thrown) {
    return `The page could not be stored for offline use: ${thrown instanceof Error ? thrown.message : String(thrown)}`
  }
}

/** Resolves once the service worker controls the page, at the latest after two seconds (a forced reload has no controller). */
function whenControlled(services: ServiceWorkerContainer): Promise<void> {
  if (services.controller !== null) return Promise.resolve()
  return new Promise((resolve) => {
    services.addEventListener('controllerchange', () => resolve(), { once: true })
    setTimeout(resolve, 2000)
  })
}
