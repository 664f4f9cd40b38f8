// Knows: that the built folder works on any static host: any path, no headers, no network after the first visit, its policy kept.
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import ts from 'typescript'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated } from './harness.ts'
import { serveFolder, type Site } from './serve.ts'

let browser: Browser
const sites: Site[] = []
beforeAll(async () => void (browser = await openBrowser()))
afterAll(() => browser.close())
afterEach(async () => {
  for (const site of sites.splice(0)) await site.close()
})

async function serve(options: Parameters<typeof serveFolder>[1]): Promise<Site> {
  const site = await serveFolder(DIST, options)
  sites.push(site)
  return site
}

/** Waits until the service worker has cached the engine. */
const waitUntilCached = (page: Page) =>
  expect
    .poll(
      () =>
        page
          .evaluate(async () => {
            const names = await caches.keys()
            const kept = await Promise.all(
              names.map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)),
            )
            return kept.flat().some((url) => /\/ort-[^/]*\.wasm$/.test(url))
          })
          .catch(() => false),
      { timeout: 60_000 },
    )
    .toBe(true)

/** The chunks and everything that they import before they run. */
function withStaticImports(names: readonly string[], read: (name: string) => string): Set<string> {
  const found = new Set<string>()
  const queue = [...names]
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue
    found.add(name)
    const imported = ts.preProcessFile(read(name), true, true).importedFiles
    const text = read(name)
    for (const { fileName, pos } of imported)
      // A dynamic import has a parenthesis before its specifier.
      if (fileName.startsWith('./') && !/\(\s*$/.test(text.slice(0, pos))) queue.push(fileName.slice(2))
  }
  return found
}

const gzipBytes = (names: Iterable<string>, read: (name: string) => string): number =>
  [...names].reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0)

describe('the built folder', () => {
  test('has no absolute path and no model', () => {
    const html = readFileSync(join(DIST, 'index.html'), 'utf8')
    expect(
      [...html.matchAll(/(?:src|href)="([^"]+)"/g)]
        .map((match) => match[1] ?? '')
        .filter((path) => !path.startsWith('./') && !path.startsWith('#')),
    ).toEqual([])
    expect(readFileSync(join(DIST, 'models/index.json'), 'utf8')).toBe('[]')
    expect(readdirSync(join(DIST, 'models'))).toEqual(['index.json'])
  })

  test('needs less than 90 KB of compressed JavaScript for its first screen, and less than 130 with a project’s first', () => {
    const read = (name: string): string => readFileSync(join(DIST, 'assets', name), 'utf8')
    const entry = /<script[^>]+src="\.\/assets\/([^"]+\.js)"/.exec(
      readFileSync(join(DIST, 'index.html'), 'utf8'),
    )?.[1]
    if (entry === undefined) throw new Error('index.html loads no script')
    // `start` does nothing but load `main`: both belong to the first screen.
    const main = readdirSync(join(DIST, 'assets')).filter((name) => /^main-[\w-]{8}\.js$/.test(name))
    expect(main).toHaveLength(1)
    const first = withStaticImports([entry, ...main], read)
    expect(first.size).toBeGreaterThan(2)
    const named = (pattern: RegExp): string[] => {
      const found = readdirSync(join(DIST, 'assets')).filter((name) => pattern.test(name))
      expect(found).toHaveLength(1)
      return found
    }
    // With these, seeds are shown, added and deleted.
    const seeds = withStaticImports(
      [...first, ...named(/^seeds\.svelte-[\w-]{8}\.js$/), ...named(/^SeedsScreen-[\w-]{8}\.js$/)],
      read,
    )
    // What the other screens share is loaded next, for the status of each step: every member of every family is in it.
    const project = withStaticImports([...seeds, ...named(/^workspace\.svelte-[\w-]{8}\.js$/)], read)
    expect([first, seeds, project].map((names) => Math.ceil(gzipBytes(names, read) / 1000))).toEqual([
      expect.toSatisfy((size: number) => size <= 90),
      expect.toSatisfy((size: number) => size <= 130),
      expect.toSatisfy((size: number) => size <= 200),
    ])
  })

  test('contains only the engine files in use', () => {
    const wasm = readdirSync(join(DIST, 'assets'))
      .filter((name) => name.endsWith('.wasm'))
      .map((name) => name.replace(/-[\w-]{8}\.wasm$/, ''))
    expect(wasm.toSorted()).toEqual([
      'ort-wasm-simd-threaded',
      'ort-wasm-simd-threaded.asyncify',
      'ort-wasm-simd-threaded.jspi',
      ...['pairs', 'plain', 'probe', 'signed', 'unsigned'].flatMap((dot) =>
        dot === 'probe' ? [dot] : [`${dot}-alone`, `${dot}-shared`],
      ),
    ])
  })

  test('has no inline script or style, which its policy forbids', () => {
    const html = readFileSync(join(DIST, 'index.html'), 'utf8')
    expect(html).toContain('http-equiv="Content-Security-Policy"')
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/)
    expect(
      [...html.matchAll(/<script([^>]*)>/g)].filter(([, attributes = '']) => !attributes.includes('src=')),
    ).toEqual([])
  })
})

describe('a host that sends headers', () => {
  test('shows the page under any path, isolated, without errors or requests to other origins', async () => {
    const site = await serve({ under: '/some/where/', headers: true })
    const watched = await openPage(browser, site.url)
    await watched.page.getByRole('button', { name: 'New project', exact: true }).first().waitFor()
    expect(await watched.page.evaluate(() => globalThis.crossOriginIsolated)).toBe(true)
    await waitUntilCached(watched.page)
    expectNoErrors(watched)
    await watched.context.close()
  })
})

describe('a host that sends no headers', () => {
  test('isolates the page by the service worker after one reload, never a second one', async () => {
    const site = await serve({ under: '/some/where/', headers: false })
    const watched = await openPage(browser, site.url)
    let loads = 0
    watched.page.on('load', () => (loads += 1))
    await waitUntilIsolated(watched.page)
    await watched.page.getByRole('button', { name: 'New project', exact: true }).first().waitFor()
    await waitUntilCached(watched.page)
    expect(loads).toBeLessThanOrEqual(2)
    const policy = await watched.page.evaluate(async () =>
      (await fetch('index.html')).headers.get('Content-Security-Policy'),
    )
    expect(policy).toContain("default-src 'self'")
    expectNoErrors(watched)
    await watched.context.close()
  })

  test('opens without a network after the first visit', async () => {
    const site = await serve({ under: '/some/where/', headers: false })
    const watched = await openPage(browser, site.url)
    await waitUntilIsolated(watched.page)
    await waitUntilCached(watched.page)
    await site.close()
    await watched.page.reload()
    await watched.page.getByRole('button', { name: 'New project', exact: true }).first().waitFor()
    expect(await watched.page.evaluate(() => globalThis.crossOriginIsolated)).toBe(true)
    const other = await watched.context.newPage()
    await other.goto(site.url)
    await other.getByRole('button', { name: 'New project', exact: true }).first().waitFor()
    const engine = await other.evaluate(async () => {
      const kept = (
        await Promise.all(
          (await caches.keys()).map(async (name) =>
            (await (await caches.open(name)).keys()).map(({ url }) => url),
          ),
        )
      ).flat()
      const address = kept.find((url) => /\/ort-[^/]*\.wasm$/.test(url)) ?? ''
      return (await (await fetch(address)).arrayBuffer()).byteLength
    })
    expect(engine).toBeGreaterThan(10_000_000)
    expectNoErrors(watched)
    await watched.context.close()
  })

  test('shows when everything is stored, and reports how much of the engine is missing offline', async () => {
    const site = await serve({ under: '/some/where/', headers: false })
    const watched = await openPage(browser, site.url)
    const { page } = watched
    await waitUntilIsolated(page)
    await waitUntilCached(page)
    await page.getByText('Everything except downloads works offline').waitFor()
    await page.evaluate(async () => {
      for (const name of await caches.keys()) {
        const cache = await caches.open(name)
        for (const { url } of await cache.keys()) if (url.endsWith('.wasm')) await cache.delete(url)
      }
    })
    // The browser's own cache may still have small files.
    await (await watched.context.newCDPSession(page)).send('Network.clearBrowserCache')
    await site.close()
    await page.reload()
    await page.getByText('The host of this page could not be reached, so not everything is stored').waitFor()
    await page.getByRole('main').getByRole('button', { name: 'Use this example' }).first().click()
    await page
      .getByRole('link', { name: /Teacher/ })
      .first()
      .click()
    await page.getByRole('button', { name: 'Load it' }).click()
    await page
      .getByText(
        /The engine is not stored in this browser yet: \d+\.\d of the page’s \d+\.\d MB are still to come/,
      )
      .first()
      .waitFor()
    await watched.context.close()
  })

  test('takes a waiting version at a press, when no other tab shows the page', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'retort-dist-'))
    cpSync(DIST, folder, { recursive: true })
    const site = await serveFolder(folder, { under: '/some/where/', headers: false })
    const watched = await openPage(browser, site.url)
    const { page } = watched
    await waitUntilIsolated(page)
    await waitUntilCached(page)
    const script = readFileSync(join(folder, 'service.js'), 'utf8')
    writeFileSync(
      join(folder, 'service.js'),
      script.replace(/version:\s*"\w+"|"version":\s*"\w+"/, '"version":"newer"'),
    )
    writeFileSync(
      join(folder, 'index.html'),
      readFileSync(join(folder, 'index.html'), 'utf8').replace(
        '<head>',
        '<head><meta name="build" content="newer">',
      ),
    )
    await page.evaluate(async () => void (await (await navigator.serviceWorker.ready).update()))
    const other = await watched.context.newPage()
    await other.goto(site.url)
    await page.getByRole('button', { name: 'New version' }).click()
    await page.getByRole('button', { name: 'Reload with the new version' }).click()
    await page.getByText('Another tab shows this page. Close it first').waitFor()
    await other.close()
    await page.getByRole('button', { name: 'Reload with the new version' }).click()
    await expect
      .poll(
        () => page.evaluate(() => document.querySelector('meta[name=build]') !== null).catch(() => false),
        { timeout: 30_000 },
      )
      .toBe(true)
    await expect.poll(() => page.evaluate(async () => (await caches.keys()).length)).toBe(1)
    await page.getByRole('button', { name: 'New project', exact: true }).first().waitFor()
    expectNoErrors(watched)
    await watched.context.close()
    await site.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('never caches a model', async () => {
    const site = await serve({ under: '/some/where/', headers: false })
    const watched = await openPage(browser, site.url)
    await waitUntilIsolated(watched.page)
    const kept = await watched.page.evaluate(async () => {
      await fetch('models/index.json')
      await fetch('index.html', { headers: { Range: 'bytes=0-9' } })
      return (
        await Promise.all(
          (await caches.keys()).map(async (name) =>
            (await (await caches.open(name)).keys()).map(({ url }) => url),
          ),
        )
      ).flat()
    })
    expect(kept.filter((url) => url.includes('/models/'))).toEqual([])
    expect(kept.length).toBeGreaterThan(2)
    await watched.context.close()
  })

  test('keeps a new build next to the old one until the old page closes, then deletes only the old one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'retort-dist-'))
    cpSync(DIST, folder, { recursive: true })
    const site = await serveFolder(folder, { under: '/some/where/', headers: false })
    const watched = await openPage(browser, site.url)
    await waitUntilIsolated(watched.page)
    const cachesOf = (page: Page) => page.evaluate(() => caches.keys())
    const [first = ''] = await cachesOf(watched.page)
    await watched.page.evaluate(() => caches.open('somebody else’s'))

    const script = readFileSync(join(folder, 'service.js'), 'utf8')
    writeFileSync(
      join(folder, 'service.js'),
      script.replace(/version:\s*"\w+"|"version":\s*"\w+"/, '"version":"newer"'),
    )
    writeFileSync(
      join(folder, 'index.html'),
      readFileSync(join(folder, 'index.html'), 'utf8').replace(
        '<head>',
        '<head><meta name="build" content="newer">',
      ),
    )
    await watched.page.evaluate(async () => void (await (await navigator.serviceWorker.ready).update()))
    await expect
      .poll(async () => (await cachesOf(watched.page)).some((name) => name.endsWith('newer')), {
        timeout: 30_000,
      })
      .toBe(true)
    expect(await cachesOf(watched.page)).toContain(first)
    const isNewer = (page: Page) => page.evaluate(() => document.querySelector('meta[name=build]') !== null)
    await watched.page.reload()
    expect(await isNewer(watched.page)).toBe(false)

    await watched.page.close()
    const later = await watched.context.newPage()
    await expect
      .poll(
        async () => {
          await later.goto('about:blank')
          await later.goto(site.url)
          return isNewer(later)
        },
        { timeout: 30_000, interval: 500 },
      )
      .toBe(true)
    await expect.poll(() => cachesOf(later)).not.toContain(first)
    expect(await cachesOf(later)).toContain('somebody else’s')
    await watched.context.close()
    await site.close()
    rmSync(folder, { recursive: true, force: true })
  })
})
