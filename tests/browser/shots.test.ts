import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DIST, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person } from './person.ts'
import { serveFolder, type Site } from './serve.ts'
let browser: Browser, site: Site, watched: Watched, person: Person
beforeAll(async () => {
  browser = await openBrowser(); site = await serveFolder(DIST, { under: '/some/where/' }); watched = await openPage(browser, site.url)
  await waitUntilIsolated(watched.page); person = new Person(watched.page)
})
afterAll(async () => { await browser.close(); await site.close() })
const shot = (n: string) => watched.page.screenshot({ path: `/tmp/shots/${n}.png`, fullPage: true })
test('walk', { timeout: 500_000 }, async () => {
  const { page } = watched
  const t0 = Date.now(); const at = (w: string) => console.log(w, ((Date.now() - t0) / 1000).toFixed(1))
  await page.getByRole('button', { name: 'Use this example' }).first().click()
  await person.goTo('Run'); await shot('needs')
  await person.goTo('Teacher'); await shot('box')
  await page.getByText('How good it is, and how it was made').click(); await shot('box-open')
  await page.emulateMedia({ colorScheme: 'dark' }); await shot('box-dark'); await page.setViewportSize({ width: 390, height: 800 }); await shot('box-390')
  await page.emulateMedia({ colorScheme: 'light' }); await page.setViewportSize({ width: 1280, height: 800 })
  at('before load')
  await person.press('Load it'); console.log(await person.waitFor(/is loaded on/)); at('loaded')
  await page.getByLabel('Ask it one thing').fill('How much are 3 rolls at $0.55 each?'); await person.press('Ask'); await new Promise((r) => setTimeout(r, 3000)); await shot('loaded')
  await person.goTo('Run'); await person.press('Start run'); console.log(await person.waitFor(/Run finished|broke/, 300)); at('run'); await shot('run')
  await person.goTo('Dataset'); await new Promise((r) => setTimeout(r, 800)); await shot('dataset'); await person.press('Freeze dataset').catch(() => undefined); console.log(await person.status())
  await person.goTo('Student'); await person.press('Train student'); console.log(await person.waitFor(/Trained|finished|failed|done/i, 300)); at('trained'); await shot('student')
  await person.goTo('Compare'); await shot('compare0')
  expect(watched.faults ?? []).toEqual([])
})
