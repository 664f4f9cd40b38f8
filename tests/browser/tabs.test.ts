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
const main = (page: Page): Promise<string> => page.getByRole('main').innerText()
/** Longer than the two seconds between two readings of what other tabs changed. */
const SOON = { timeout: 20_000 }
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
  await expect.poll(() => listed(b!, name), SOON).toBe(1)
  await a!.getByRole('button', { name: `Actions for ${name}` }).click()
  await a!.getByRole('menuitem', { name: 'Delete' }).click()
  await person.waitFor(/was deleted/)
  await expect.poll(() => listed(b!, name), SOON).toBe(0)
  const third = await openTab()
  await third.getByRole('button', { name: 'New project', exact: true }).first().waitFor()
  expect(await listed(third, name)).toBe(0)
  expect(await readStore(a!, 'seeds')).toHaveLength(seeds)
  await person.press('Undo')
  await person.waitFor(/is restored/)
  await expect.poll(() => listed(third, name), SOON).toBe(1)
  expect(await readStore(a!, 'seeds')).toHaveLength(seeds)
  await third.close()
  expectNoErrors({ errors })
})

test('a run in one tab is shown as running elsewhere in the other, with its counts, and cannot be deleted there', async () => {
  const [project] = await readStore(a!, 'projects')
  await a!.goto(`${site.url}#/${String(project?.['id'])}/run`)
  await b!.goto(`${site.url}#/${String(project?.['id'])}/run`)
  const [one, other] = [new Person(a!), new Person(b!)]
  await one.press('Use the built-in teacher')
  await a!.getByRole('main').getByText('Corner shop is loaded').first().waitFor({ timeout: 60_000 })
  await one.press('Start run')
  await other.waitFor(/another tab|a tab that/i, 20)
  expect(await other.status()).not.toMatch(/interrupted/)
  await expect
    .poll(() => main(b!), SOON)
    .toMatch(/\([1-9]\d* (prompts, no rows yet|rows? so far|\d+ of \d+ kept)/)
  await b!.getByRole('button', { name: /^Delete the run of/ }).click()
  await expect.poll(() => main(b!), SOON).toMatch(/A run of this project is in progress in .*Stop it there/)
  await one.press('Stop')
  await one.waitFor(/stopped/i, 30)
  await expect.poll(() => other.status(), SOON).not.toMatch(/another tab|a tab that/i)
  const rows = (await readStore(a!, 'rows')).length
  await a!.getByRole('button', { name: /^Delete the run of/ }).click()
  await one.waitFor(/Run deleted/)
  await expect.poll(() => b!.getByRole('button', { name: /^Delete the run of/ }).count(), SOON).toBe(0)
  expect(await readStore(a!, 'rows')).toHaveLength(rows)
  await one.press('Undo')
  await expect.poll(() => b!.getByRole('button', { name: /^Delete the run of/ }).count(), SOON).toBe(1)
  expect(await readStore(b!, 'rows')).toHaveLength(rows)
  expectNoErrors({ errors })
})
