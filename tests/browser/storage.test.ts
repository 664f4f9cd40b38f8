// Knows: that files and records are stored in a real browser as src/storage promises, also when the disk is full.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openBrowser, openProfile, PAGES, watchPage } from './harness.ts'
import type { ChecksAsked } from './pages/check.ts'
import { readChecks, sentencesOf } from './read-checks.ts'
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
    'a window that keeps what is stored',
    (): Promise<BrowserContext> => openProfile(mkdtempSync(join(tmpdir(), 'retort-profile-'))),
  ],
] as const

describe.each(kinds)('in %s', (_, openContext) => {
  let context: BrowserContext
  const faults: string[] = []
  const check = async (kind: ChecksAsked['kind'], page: Page): Promise<void> => {
    await page.goto(`${site.url}checks.html?kind=${kind}`)
    expect(sentencesOf(await readChecks(page))).toEqual([])
    expect(faults).toEqual([])
  }
  let page: Page
  beforeEach(async () => {
    context = await openContext()
    page = await context.newPage()
    watchPage(page, faults, new URL(site.url).origin)
  })
  afterEach(() => context.close())

  test('files and records are stored as promised', () => check('storage', page))

  test('a disk that is really full leaves no halves and takes nothing away', async () => {
    // Before anything is stored: what a database may take is asked now and then only.
    const devtools = await context.newCDPSession(page)
    await devtools.send('Storage.overrideQuotaForOrigin', {
      origin: new URL(site.url).origin,
      quotaSize: 3_000_000,
    })
    await check('full-disk', page)
  })
})
