// Knows: what the service worker does when the storage is full, the host is out of reach, or other tabs show the page. The script runs here
// with stand-ins for its scope; tests/browser/hosting.test.ts has it in a browser.
import { readFileSync } from 'node:fs'
import { transformWithOxc } from 'vite'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ServiceManifest } from '../../workers/hosting/service-plugin.ts'

const SCOPE = 'https://host.example/page/'
const MANIFEST: ServiceManifest = {
  version: 'v1',
  shell: ['assets/index-AAAAAAAA.js', 'index.html'],
  engines: { wasm: ['assets/ort.mjs', 'assets/ort.wasm'], onDemand: ['assets/web-llm.js'] },
  bytes: { 'assets/index-AAAAAAAA.js': 10, 'index.html': 5, 'assets/ort.mjs': 100, 'assets/ort.wasm': 1000 },
  statusPath: 'offline-status.json',
  headers: { 'Cross-Origin-Embedder-Policy': 'require-corp' },
  ownHeaders: { 'assets/network-AAAAAAAA.js': { 'Content-Security-Policy': 'of the network worker' } },
}

let code = ''
beforeAll(async () => {
  const path = new URL('../../workers/service.ts', import.meta.url).pathname
  const transformed = await transformWithOxc(readFileSync(path, 'utf8'), path, { target: 'es2022' })
  code = transformed.code.replace(/^export \{\s*\};?$/m, '')
})

interface Facts {
  /** Paths whose storage the browser refuses. */
  readonly refuses?: (path: string) => boolean
  /** Paths that the host serves. */
  readonly serves?: (path: string) => boolean
  readonly pages?: readonly string[]
  /** The cache never responds. */
  readonly hangs?: boolean
}

function start({ refuses = () => false, serves = () => true, pages = [SCOPE], hangs = false }: Facts = {}) {
  const facts = { refuses, serves }
  const listeners = new Map<string, (event: object) => void>()
  const cached = new Map<string, Response>()
  const pathOf = (address: string): string => address.slice(SCOPE.length)
  let skipped = 0
  const cache = {
    match: (address: string): Promise<Response | undefined> =>
      hangs ? new Promise(() => undefined) : Promise.resolve(cached.get(address)?.clone()),
    put: async (request: string | Request, response: Response) => {
      const address = typeof request === 'string' ? request : request.url
      if (facts.refuses(pathOf(address))) throw new DOMException('no more space', 'QuotaExceededError')
      cached.set(address, response)
    },
    keys: async () => [...cached.keys()].map((url) => ({ url })),
    delete: async (address: string) => cached.delete(address),
  }
  const scope = {
    registration: { scope: SCOPE },
    clients: { claim: async () => undefined, matchAll: async () => pages.map((url) => ({ url })) },
    skipWaiting: async () => void (skipped += 1),
    caches: { open: async () => cache, keys: async () => [], delete: async () => true },
    navigator: {},
    addEventListener: (name: string, listener: (event: object) => void) => void listeners.set(name, listener),
  }
  const fetchFile = async (request: Request): Promise<Response> => {
    if (!facts.serves(pathOf(request.url))) throw new TypeError('Failed to fetch')
    return new Response(`content of ${pathOf(request.url)}`)
  }
  // The build makes one classic script of it, with the manifest inserted.
  // eslint-disable-next-line no-new-func
  new Function('globalThis', 'SERVICE_MANIFEST', 'fetch', code)(scope, MANIFEST, fetchFile)

  const waits: Promise<unknown>[] = []
  const waitUntil = (work: Promise<unknown>): void => {
    work.catch(() => undefined)
    waits.push(work)
  }
  return {
    facts,
    kept: () => [...cached.keys()].map(pathOf),
    skipped: () => skipped,
    settled: async () => {
      while (waits.length > 0) await waits.shift()
    },
    install: async () => {
      listeners.get('install')?.({ waitUntil })
      await waits.shift()
    },
    fetch: async (path: string): Promise<Response | undefined> => {
      let response: Promise<Response> | undefined
      listeners.get('fetch')?.({
        request: new Request(SCOPE + path),
        waitUntil,
        respondWith: (given: Promise<Response>) => (response = given),
      })
      return response
    },
    send: async (data: unknown): Promise<unknown[]> => {
      const replies: unknown[] = []
      listeners.get('message')?.({
        data,
        ports: [{ postMessage: (reply: unknown) => void replies.push(reply) }],
        waitUntil,
      })
      await waits.shift()
      return replies
    },
  }
}

describe('a cache that never responds', () => {
  afterEach(() => void vi.useRealTimers())

  test('delays a script by three seconds, and the host serves it', async () => {
    vi.useFakeTimers()
    const service = start({ hangs: true })
    let text: string | undefined
    void service.fetch('assets/index-AAAAAAAA.js').then(async (response) => (text = await response?.text()))
    await vi.advanceTimersByTimeAsync(2990)
    expect(text).toBeUndefined()
    await vi.advanceTimersByTimeAsync(20)
    expect(text).toBe('content of assets/index-AAAAAAAA.js')
  })
})

describe('a full storage', () => {
  test('never rejects the answer: the engine is served from the host', async () => {
    const service = start({ refuses: () => true })
    const response = await service.fetch('assets/ort.wasm')
    expect(await response?.text()).toBe('content of assets/ort.wasm')
    expect(response?.headers.get('Cross-Origin-Embedder-Policy')).toBe('require-corp')
    await service.settled()
    expect(service.kept()).toEqual([])
  })

  test('does not prevent the installation, and leaves no page whose files are missing', async () => {
    const service = start({ refuses: (path) => path.endsWith('.js') })
    await service.install()
    expect(service.kept()).not.toContain('index.html')
  })

  test('is reported as such with what is stored', async () => {
    const service = start({ refuses: (path) => path.endsWith('.wasm') })
    await service.install()
    expect((await service.send('keep-all')).at(-1)).toEqual({
      stored: 115,
      total: 1115,
      ended: true,
      missing: 'full',
    })
  })
})

describe('a host out of reach', () => {
  test('prevents the installation of half a version', async () => {
    await expect(start({ serves: (path) => path !== 'index.html' }).install()).rejects.toThrow('fetch')
  })

  test('is reported with what is stored, file after file, and the rest follows later', async () => {
    const service = start({ serves: (path) => !path.endsWith('.wasm') })
    await service.install()
    expect(await service.send('keep-all')).toEqual([
      { stored: 15, total: 1115 },
      { stored: 115, total: 1115 },
      { stored: 115, total: 1115, ended: true, missing: 'unreachable' },
    ])
    expect(await (await service.fetch('offline-status.json'))?.json()).toEqual({ stored: 115, total: 1115 })
    service.facts.serves = () => true
    expect((await service.send('keep-all')).at(-1)).toEqual({ stored: 1115, total: 1115, ended: true })
  })
})

test('adds a file’s own headers, and the others’ headers to every other response', async () => {
  const service = start()
  const policyOf = async (path: string): Promise<string | null | undefined> =>
    (await service.fetch(path))?.headers.get('Content-Security-Policy')
  expect(await policyOf('assets/network-AAAAAAAA.js')).toBe('of the network worker')
  expect(await policyOf('assets/teacher-AAAAAAAA.js')).toBe(null)
})

describe('a newer version', () => {
  test('takes over when this tab is the only one', async () => {
    const service = start({ pages: [SCOPE, 'https://host.example/another-page/'] })
    expect(await service.send('take-over')).toEqual([{ others: 0 }])
    expect(service.skipped()).toBe(1)
  })

  test('waits while another tab shows the page, and reports how many do', async () => {
    const service = start({ pages: [SCOPE, `${SCOPE}index.html#/`] })
    expect(await service.send('take-over')).toEqual([{ others: 1 }])
    expect(service.skipped()).toBe(0)
  })
})
