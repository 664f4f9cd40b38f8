// Knows: that files and records are stored in a real browser as src/storage promises, also when the disk is full.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openBrowser, openProfile, PAGES, watchPage } from './harness.ts'
import type { ChecksRequest } from './pages/check.ts'
import { readChecks, failuresOf } from './read-checks.ts'
import { serveFolder, type Site } from './serve.ts'

let browser: Browser
let site: Site
beforeAll(async () => {
  browser = await openBrowser()
  site = await serveFolder(PAGES)
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

const kinds = [
  ['a private window', (): Promise<BrowserContext> => browser.newContext()],
  [
    'a persistent profile',
    (): Promise<BrowserContext> => openProfile(mkdtempSync(join(tmpdir(), 'retort-profile-'))),
  ],
] as const

describe.each(kinds)('in %s', (_, openContext) => {
  let context: BrowserContext
  const errors: string[] = []
  const check = async (kind: ChecksRequest['kind'], page: Page): Promise<void> => {
    await page.goto(`${site.url}checks.html?kind=${kind}`)
    expect(failuresOf(await readChecks(page))).toEqual([])
    expect(errors).toEqual([])
  }
  let page: Page
  beforeEach(async () => {
    context = await openContext()
    page = await context.newPage()
    watchPage(page, errors, new URL(site.url).origin)
  })
  afterEach(() => context.close())

  test('stores files and records as promised', () => check('storage', page))

  test('leaves no partial file on a full disk and deletes nothing', async () => {
    // Before anything is stored: the browser checks a database's quota only now and then.
    const devtools = await context.newCDPSession(page)
    await devtools.send('Storage.overrideQuotaForOrigin', {
      origin: new URL(site.url).origin,
      quotaSize: 3_000_000,
    })
    await check('full-disk', page)
  })
})
