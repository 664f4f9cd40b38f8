// Knows: two real tabs of one browser: what one deletes, restores and works on, the other shows.
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DIST, expectNoErrors, openBrowser, waitUntilIsolated, watchPage } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

let browser: Browser
let site: Site
let context: BrowserContext
const errors: string[] = []
let [a, b]: Page[] = []

beforeAll(async () => {
  browser = await openBrowser()
  site = await serveFolder(DIST)
  context = await browser.newContext()
  context.setDefaultTimeout(20_000)
  a = await openTab()
  await waitUntilIsolated(a)
  b = await openTab()
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

async function openTab(): Promise<Page> {
  const page = await context.newPage()
  watchPage(page, errors, new URL(site.url).origin)
  await page.goto(site.url)
  return page
}
/** How often the project is listed. */
const listed = (page: Page, name: string): Promise<number> =>
  page.getByRole('main').getByRole('link', { name, exact: true }).count()
const home = (page: Page) => page.goto(site.url)

test('a deleted project is whole again after undo, although another tab was opened meanwhile', async () => {
  const person = new Person(a!)
  await a!.getByRole('main').getByRole('button', { name: 'Use this example' }).first().click()
  await a!.getByRole('heading', { level: 1, name: 'Seeds' }).waitFor()
  const seeds = (await readStore(a!, 'seeds')).length
  expect(seeds).toBeGreaterThan(5)
  await home(a!)
  const [project] = await readStore(a!, 'projects')
  const name = String(project?.['name'])
  await expect.poll(() => listed(b!, name)).toBe(1)
  await a!.getByRole('button', { name: `Actions for ${name}` }).click()
  await a!.getByRole('menuitem', { name: 'Delete' }).click()
  await person.waitFor(/was deleted/)
  await expect.poll(() => listed(b!, name)).toBe(0)
  const third = await openTab()
  await third.getByRole('button', { name: 'New project', exact: true }).first().waitFor()
  expect(await listed(third, name)).toBe(0)
  expect(await readStore(a!, 'seeds')).toHaveLength(seeds)
  await person.press('Undo')
  await person.waitFor(/is restored/)
  await expect.poll(() => listed(third, name)).toBe(1)
  expect(await readStore(a!, 'seeds')).toHaveLength(seeds)
  await third.close()
  expectNoErrors({ errors })
})
