// Knows: that the browser really shows the notification at the end of long work, if it is wanted and the page is hidden.
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated } from './harness.ts'
import { Person } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

let browser: Browser
let site: Site
beforeAll(async () => {
  browser = await openBrowser()
  site = await serveFolder(DIST)
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

test('shows a notification when a run ends while the page is hidden', async () => {
  const watched = await openPage(browser, site.url)
  const { page, context } = watched
  const person = new Person(page)
  await context.grantPermissions(['notifications'], { origin: new URL(site.url).origin })
  await waitUntilIsolated(page)
  await person.beginWith(`retort: 2
name: short
rngSeed: 5
steps:
  - complete: teacher
    n: 1
    temperature: 1
    maxTokens: 24
`)
  await person.goTo('Run')
  await person.press('Use the built-in teacher')
  await page.evaluate(() => {
    const shown: string[] = []
    // The browser reports with this event that it shows it.
    const Real = globalThis.Notification
    globalThis.Notification = class extends Real {
      constructor(title: string, options?: NotificationOptions) {
        super(title, options)
        this.addEventListener('show', () => shown.push(`${title}. ${options?.body}`))
      }
    }
    Object.assign(globalThis, { shown })
    // A headless browser hides no page.
    Object.defineProperty(Document.prototype, 'hidden', { get: () => true })
  })
  await page.getByRole('button', { name: 'Start run' }).click({ timeout: 60_000 })
  await page.getByLabel('Notify me when it ends').check()
  await expect
    .poll(() => page.evaluate(() => Reflect.get(globalThis, 'shown') as unknown), { timeout: 120_000 })
    .toEqual([expect.stringMatching(/^Run ended: Corner shop replies\. Run finished: \d+ of 24 kept\.$/)])
  expectNoErrors(watched)
  await context.close()
})
