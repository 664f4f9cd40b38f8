// Knows: when the page registers its service worker and when it reloads.
import { describe, expect, test, vi } from 'vitest'
import {
  registerService as register,
  whenPolicies,
  type OfflineStatus,
  type ServicePage,
  type WaitingVersion,
} from '../../../src/actions/machine/register-service.ts'

const offline: OfflineStatus[] = []
const waiting: WaitingVersion[] = []
const registerService = (page: ServicePage): Promise<string | undefined> =>
  register(
    {
      onOffline: (status) => void offline.push(status),
      onWaiting: (version) => void waiting.push(version),
      ready: Promise.reject(new Error('the store did not open')),
    },
    () => page,
  )

/** A stand-in page with a container that has, or soon gets, a controller. */
function makePage(
  facts: {
    isDeveloping?: boolean
    isIsolated?: boolean
    refuses?: boolean
    without?: boolean
    waiting?: object
  } = {},
) {
  const stored = new Map<string, string>()
  const messages: unknown[] = []
  const container = {
    controller: {},
    ready: Promise.resolve({
      active: {
        postMessage: (message: unknown, [port]: readonly MessagePort[]) => {
          messages.push(message)
          port?.postMessage({ stored: 3, total: 5 })
          port?.postMessage({ stored: 4, total: 5, ended: true, missing: 'full' })
        },
      },
    }),
    register: vi.fn(async () => {
      if (facts.refuses === true) throw new Error('storage is blocked')
      return registration
    }),
  }
  const listeners: (() => void)[] = []
  const registration = {
    active: {},
    waiting: facts.waiting ?? null,
    addEventListener: (_name: string, listener: () => void) => void listeners.push(listener),
  }
  const reload = vi.fn()
  const page: ServicePage = {
    isDeveloping: facts.isDeveloping ?? false,
    isIsolated: facts.isIsolated ?? false,
    services: facts.without === true ? undefined : (container as unknown as ServiceWorkerContainer), // the part that is used
    memory: {
      getItem: (key) => stored.get(key) ?? null,
      setItem: (key, value) => void stored.set(key, value),
      removeItem: (key) => void stored.delete(key),
    },
    reload,
  }
  return { page, container, reload, messages, stored }
}

describe('registerService', () => {
  test('does nothing under the development server', async () => {
    const { page, container } = makePage({ isDeveloping: true })
    expect(await registerService(page)).toBeUndefined()
    expect(container.register).not.toHaveBeenCalled()
  })

  test('reloads once for isolation and never again', async () => {
    const { page, reload, messages } = makePage()
    await registerService(page)
    expect(reload).toHaveBeenCalledTimes(1)
    await registerService(page)
    await registerService(page)
    expect(reload).toHaveBeenCalledTimes(1)
    expect(messages).toEqual(['keep-all', 'keep-all'])
  })

  test('does not reload an isolated page, and resets the reload mark', async () => {
    const { page, reload, messages, stored } = makePage({ isIsolated: true })
    stored.set('retort reloaded for isolation', 'yes')
    await registerService(page)
    expect([reload.mock.calls.length, messages, stored.size]).toEqual([0, ['keep-all'], 0])
  })

  test('reports how much is stored for use without a network, whatever else failed', async () => {
    await registerService(makePage({ isIsolated: true }).page)
    await expect
      .poll(() => offline.slice(-2))
      .toEqual([
        { storedBytes: 3, totalBytes: 5 },
        { storedBytes: 4, totalBytes: 5, ended: 'full' },
      ])
  })

  test('reports a waiting version, and takes it only if no other tab shows the page', async () => {
    let others = 1
    const sent: unknown[] = []
    const worker = {
      state: 'activated',
      postMessage: (message: unknown, [port]: readonly MessagePort[]) => {
        sent.push(message)
        port?.postMessage({ others })
      },
    }
    waiting.length = 0
    const { page, reload } = makePage({ isIsolated: true, waiting: worker })
    await registerService(page)
    expect(waiting).toHaveLength(1)
    expect([await waiting[0]?.take(), reload.mock.calls.length]).toEqual([1, 0])
    others = 0
    expect([await waiting[0]?.take(), reload.mock.calls.length]).toEqual([0, 1])
    expect(sent).toEqual(['take-over', 'take-over'])
  })

  test('returns a sentence when it cannot register', async () => {
    expect(await registerService(makePage({ refuses: true }).page)).toContain('storage is blocked')
    expect(await registerService(makePage({ without: true }).page)).toContain(
      'does not support service workers',
    )
  })
})

describe('whenPolicies', () => {
  const isSettled = async (page: ServicePage): Promise<boolean> =>
    Promise.race([
      whenPolicies(() => page).then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 5)),
    ])

  test('waits for nothing where the policies are there or none can come', async () => {
    expect(await isSettled(makePage({ isIsolated: true }).page)).toBe(true)
    expect(await isSettled(makePage({ isDeveloping: true }).page)).toBe(true)
    expect(await isSettled(makePage({ without: true }).page)).toBe(true)
    expect(await isSettled(makePage().page)).toBe(true) // it has a controller
    const broken = (): never => {
      throw new DOMException('denied', 'SecurityError')
    }
    await whenPolicies(broken)
  })

  test('waits on a first visit until the service worker controls the page', async () => {
    const { page } = makePage()
    const services = Object.assign(new EventTarget(), { controller: null })
    const uncontrolled = { ...page, services: services as unknown as ServiceWorkerContainer } // the part that is used
    expect(await isSettled(uncontrolled)).toBe(false)
    const controlled = whenPolicies(() => uncontrolled)
    services.dispatchEvent(new Event('controllerchange'))
    await controlled
  })
})
