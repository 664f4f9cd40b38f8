// Knows: that every screen, before there is anything on it, can be used by keyboard and screen reader, in light, dark and narrow.
import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoFaults, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { serveFolder, type Site } from './serve.ts'

const SCREENS = ['Seeds', 'Teacher', 'Recipe', 'Run', 'Dataset', 'Student', 'Compare', 'Take home'] as const

let browser: Browser
let site: Site
let watched: Watched
let page: Page
beforeAll(async () => {
  browser = await openBrowser()
  site = await serveFolder(DIST)
  watched = await openPage(browser, site.url)
  page = watched.page
  await waitUntilIsolated(page)
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

const link = (name: string) => page.getByRole('navigation').getByRole('link', { name, exact: true })

/** What every screen owes to someone who does not see it. */
async function checkScreen(): Promise<void> {
  expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1)
  expect(await page.getByRole('status').count()).toBe(1)
  await expect.poll(async () => (await page.getByRole('status').innerText()).trim()).not.toBe('')
  expect(await page.getByRole('main').count()).toBe(1)
  expect(await findBarriers(page)).toEqual([])
}

test('the first screen says what this is and what the machine can do', async () => {
  await page.getByRole('button', { name: 'New project' }).waitFor()
  await page.getByText('WebGPU').first().waitFor()
  await expect.poll(() => page.getByRole('button', { name: 'Use this example' }).count()).toBe(4)
  for (const name of ['New project', 'Open project', 'Delete everything'])
    expect(await page.getByRole('button', { name, exact: true }).count()).toBe(1)
  await checkScreen()
})

test('the self-check proves the training on this machine, every claim with its number', async () => {
  await page.getByRole('link', { name: 'Prove that it computes what it should' }).click()
  await page.getByRole('heading', { level: 1, name: 'Self-check' }).waitFor()
  await checkScreen()
  await page.getByRole('button', { name: 'Check this machine' }).click()
  await page
    .getByRole('status')
    .getByText(/^Trying \d+ of \d+ claims…$/)
    .waitFor()
  await page
    .getByRole('status')
    .getByText(/^All \d+ claims hold on the processor with \d+ threads?\.$/)
    .waitFor({ timeout: 120_000 })
  const summaries = page.getByText('Every claim with its number')
  expect(await summaries.count()).toBe(4)
  for (let i = 0; i < 4; i++) await summaries.nth(i).click()
  expect(await page.getByRole('row').count()).toBeGreaterThan(70)
  await checkScreen()
  await page.setViewportSize({ width: 390, height: 800 })
  await expect.poll(() => overflowOf(page)).toBe(0)
  await page.setViewportSize({ width: 1280, height: 900 })
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download result' }).click()
  expect((await download).suggestedFilename()).toBe('retort-self-check.txt')
  await page.getByRole('link', { name: 'All projects', exact: true }).click()
  await page.getByRole('button', { name: 'New project' }).waitFor()
})

test('a new project opens on its seeds, and its steps are links in their order', async () => {
  await page.getByRole('button', { name: 'New project' }).click()
  await page.getByRole('heading', { level: 1, name: 'Seeds' }).waitFor()
  const links = page.getByRole('navigation', { name: 'Steps' }).getByRole('link')
  expect(await links.count()).toBe(SCREENS.length)
  for (const [index, name] of SCREENS.entries())
    expect(await links.nth(index).getAttribute('href')).toBe(await link(name).getAttribute('href'))
})

describe.each(SCREENS)('the screen %s of an empty project', (name) => {
  test('has one heading, one live region, no barrier, and takes focus when it opens', async () => {
    await link(name).click()
    await page.getByRole('heading', { level: 1, name }).waitFor()
    expect(await link(name).getAttribute('aria-current')).toBe('page')
    if (name !== 'Seeds')
      await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('H1')
    await checkScreen()
  })

  test('fits a window of 390 pixels', async () => {
    await page.setViewportSize({ width: 390, height: 800 })
    try {
      await expect.poll(() => overflowOf(page)).toBe(0)
      expect(await findBarriers(page)).toEqual([])
    } finally {
      await page.setViewportSize({ width: 1280, height: 900 })
    }
  })
})

test('a project can be renamed, duplicated, saved, opened again and deleted from the list', async () => {
  await page.getByRole('link', { name: /all projects/ }).click()
  await page.getByRole('button', { name: 'New project' }).waitFor()
  const rows = page.getByRole('group').filter({ has: page.getByRole('button', { name: 'Save project' }) })
  expect(await rows.count()).toBe(1)
  await page.getByRole('button', { name: /^More for/ }).click()
  await page.getByRole('menuitem', { name: 'Rename' }).click()
  await page.getByRole('textbox', { name: 'New name' }).fill('Customer replies')
  await page.getByRole('button', { name: 'Rename' }).click()
  await page.getByRole('link', { name: 'Customer replies', exact: true }).waitFor()

  await page.getByRole('button', { name: /^More for/ }).click()
  await page.getByRole('menuitem', { name: 'Duplicate' }).click()
  await expect.poll(() => rows.count()).toBe(2)

  const saved = page.waitForEvent('download')
  await rows
    .filter({ has: page.getByRole('link', { name: 'Customer replies', exact: true }) })
    .getByRole('button', { name: 'Save project' })
    .click()
  const path = await (await saved).path()
  await page
    .getByLabel('Project file')
    .setInputFiles({ name: 'mine.retort', mimeType: 'application/json', buffer: readFileSync(path) })
  await page.getByRole('heading', { level: 1, name: 'Seeds' }).waitFor()

  await page.getByRole('link', { name: /all projects/ }).click()
  await expect.poll(() => rows.count()).toBe(3)
  await page
    .getByRole('button', { name: /^More for/ })
    .first()
    .click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  const confirm = page.getByRole('dialog').getByRole('button', { name: /delete/i })
  if (await confirm.isVisible().catch(() => false)) await confirm.click()
  await expect.poll(() => rows.count()).toBe(2)
})

test('a file that is no project is refused with a sentence', async () => {
  await page.getByLabel('Project file').setInputFiles({
    name: 'photo.retort',
    mimeType: 'application/json',
    buffer: Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3]),
  })
  await page
    .getByRole('main')
    .getByText(/photo\.retort/)
    .first()
    .waitFor()
})

test('everything can be deleted, after one question', async () => {
  await page.getByRole('button', { name: 'Delete everything' }).click()
  await page.getByRole('button', { name: 'Yes, delete it all' }).click()
  await page.getByText('Everything was deleted').first().waitFor()
  expect(await page.evaluate(async () => (await indexedDB.databases()).length)).toBeLessThanOrEqual(1)
})

test('nothing of all this raised an error or asked another origin', () => expectNoFaults(watched))
