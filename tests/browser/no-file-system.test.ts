// Knows: that the whole main job works in browsers without an origin-private file system, or with one that refuses: private windows, WebKit.
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DIST, expectNoErrors, openBrowser, waitUntilIsolated, watchPage } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

const RECIPE = `retort: 2
name: Without files
rngSeed: 5
steps:
  - complete: teacher
    maxTokens: 24
  - freeze: split
    heldOut: 0.2
  - train: teacher-text
    preset: nano
    vocabulary: 512
    context: 64
    steps: 12
    batchSize: 4
    evaluateEvery: 4
`

let browser: Browser
let site: Site
beforeAll(async () => {
  browser = await openBrowser()
  // No headers: the page is isolated by its service worker, which must be registered whatever the file system does.
  site = await serveFolder(DIST, { headers: false })
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

/** Scripts that run before the page's own: how the browser lacks its file system. Workers inherit nothing of it. */
const kinds = [
  [
    'refuses its file system',
    `{ const refuse = () => Promise.reject(new DOMException('refused', 'SecurityError'))
       StorageManager.prototype.getDirectory = refuse }`,
  ],
  ['has no file system', `delete StorageManager.prototype.getDirectory`],
] as const

describe.each(kinds)('a browser that %s', (_, script) => {
  test('trains past a checkpoint, opens the student after a reload, and compares it', async () => {
    const context = await browser.newContext()
    context.setDefaultTimeout(30_000)
    // Init scripts do not reach workers: what they load is given the same script in front.
    await context.addInitScript(script)
    await context.route(/assets\/(teacher|student|corpus)-[^/]*\.js$/, async (route) => {
      const response = await route.fetch()
      await route.fulfill({ response, body: `${script};\n${await response.text()}` })
    })
    const page = await context.newPage()
    const errors: string[] = []
    watchPage(page, errors, new URL(site.url).origin)
    await page.goto(site.url)
    await waitUntilIsolated(page)
    expect(await page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true)
    const person = new Person(page)
    await person.beginWith(RECIPE)
    await person.runAndFreeze(120)
    await person.goTo('Student')
    await person.press('Train student')
    await person.waitFor(/The student is trained/, 120)
    const [student] = await readStore(page, 'students')
    expect(student).toMatchObject({ status: 'trained', checkpointStep: 12 })
    const files = await readStore(page, 'files')
    expect(files.map(({ path }) => String(path))).toEqual([
      expect.stringMatching(/^students\/.+\/last\.checkpoint$/),
    ])
    await page.reload()
    await person.goTo('Run')
    await person.press('Use the built-in teacher')
    // With a teacher and a finished run, the list of what is needed is gone.
    await person.button('Use the built-in teacher').waitFor({ state: 'hidden', timeout: 60_000 })
    await person.goTo('Compare')
    await page.getByLabel(/held-out prompts/).fill('2')
    await person.press('Compare')
    await expect.poll(async () => (await readStore(page, 'comparisons')).length, { timeout: 120_000 }).toBe(1)
    expectNoErrors({ errors })
    await context.close()
  })
})
