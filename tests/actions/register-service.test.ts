// Knows: when the page registers its service worker and when it reloads.
import { describe, expect, test, vi } from 'vitest'
import { registerService, type ServicePage } from '../../src/actions/register-service.ts'

/** A stand-in page with a container that has, or soon gets, a controller. */
function makePage(
  facts: { isDeveloping?: boolean; isIsolated?: boolean; refuses?: boolean; without?: boolean } = {},
) {
  const stored = new Map<string, string>()
  const messages: unknown[] = []
  const container = {
    controller: {},
    ready: Promise.resolve({ active: { postMessage: (message: unknown) => messages.push(message) } }),
    register: vi.fn(async () => {
      if (facts.refuses === true) throw new Error('storage is blocked')
    }),
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
    expect(messages).toEqual(['keep-engines', 'keep-engines'])
  })

  test('does not reload an isolated page, and resets the reload mark', async () => {
    const { page, reload, messages, stored } = makePage({ isIsolated: true })
    stored.set('retort reloaded for isolation', 'yes')
    await registerService(page)
    expect([reload.mock.calls.length, messages, stored.size]).toEqual([0, ['keep-engines'], 0])
  })

  test('returns a sentence when it cannot register', async () => {
    expect(await registerService(makePage({ refuses: true }).page)).toContain('storage is blocked')
    expect(await registerService(makePage({ without: true }).page)).toContain(
      'does not support service workers',
    )
  })
})
