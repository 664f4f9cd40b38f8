// Knows: that every screen, before there is anything on it, can be used by keyboard and screen reader, in light, dark and narrow.
import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TERMS, termOf } from '../../src/ui/glossary/terms.ts'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
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

const glossary = () => page.getByRole('dialog', { name: 'Glossary' })

/** Opens the glossary from the top bar and closes it again. */
async function checkGlossary(): Promise<void> {
  await page.getByRole('banner').getByRole('button', { name: 'Glossary', exact: true }).click()
  await glossary().waitFor()
  await page.keyboard.press('Escape')
  await glossary().waitFor({ state: 'detached' })
}

/** What every screen must offer to someone who does not see it. */
async function checkScreen(): Promise<void> {
  expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1)
  expect(await page.getByRole('status').count()).toBe(1)
  await expect.poll(async () => (await page.getByRole('status').innerText()).trim()).not.toBe('')
  expect(await page.getByRole('main').count()).toBe(1)
  expect(await findBarriers(page)).toEqual([])
}

test('shows on the first screen what this is and what the machine can do', async () => {
  await page.getByRole('button', { name: 'New project' }).waitFor()
  await page.getByText('WebGPU').first().waitFor()
  await expect.poll(() => page.getByRole('button', { name: 'Use this example' }).count()).toBe(4)
  for (const name of ['New project', 'Open project', 'Delete everything'])
    expect(await page.getByRole('button', { name, exact: true }).count()).toBe(1)
  await checkScreen()
})

test('explains every term in the glossary, by keyboard, without barriers, wide and narrow', async () => {
  await page.getByRole('button', { name: 'Glossary', exact: true }).press('Enter')
  await glossary().waitFor()
  expect(await glossary().getByRole('term').count()).toBe(TERMS.length)
  expect(await glossary().getByRole('definition').count()).toBe(TERMS.length)
  await glossary().getByRole('button', { name: 'Go to W' }).press('Enter')
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('W')
  await expect.poll(() => glossary().getByText('Win rate').isVisible()).toBe(true)
  expect(await findBarriers(page)).toEqual([])
  await page.setViewportSize({ width: 390, height: 800 })
  await expect.poll(() => overflowOf(page)).toBe(0)
  expect(await findBarriers(page)).toEqual([])
  await page.setViewportSize({ width: 1280, height: 900 })
  await page.keyboard.press('Escape')
  await glossary().waitFor({ state: 'detached' })
})

test('a menu opens, moves and closes by keyboard, and gives its focus back', async () => {
  const trigger = page.getByRole('button', { name: /^Appearance: / })
  const focused = () => page.evaluate(() => document.activeElement?.textContent.trim())
  await trigger.press('ArrowDown')
  await page.getByRole('menu', { name: /^Appearance: / }).waitFor()
  // The platform reports that a popover opened or closed a moment later.
  const expanded = () => trigger.getAttribute('aria-expanded')
  await expect.poll(expanded).toBe('true')
  await expect.poll(focused).toBe('System')
  for (const [key, name] of [
    ['ArrowDown', 'Light'],
    ['End', 'Dark'],
    ['ArrowDown', 'System'],
    ['ArrowUp', 'Dark'],
    ['Home', 'System'],
    ['l', 'Light'],
  ] as const) {
    await page.keyboard.press(key)
    expect(await focused()).toBe(name)
  }
  expect(await findBarriers(page)).toEqual([])
  const [menu, button] = [await page.getByRole('menu').boundingBox(), await trigger.boundingBox()]
  expect(menu?.y).toBeGreaterThanOrEqual((button?.y ?? 0) + (button?.height ?? 0))
  expect((menu?.x ?? 0) + (menu?.width ?? 0)).toBeLessThanOrEqual(1280)
  await page.keyboard.press('Escape')
  await page.getByRole('menu').waitFor({ state: 'hidden' })
  await expect.poll(() => trigger.evaluate((element) => element === document.activeElement)).toBe(true)
  await expect.poll(expanded).toBe('false')

  await trigger.press('Enter')
  await page.keyboard.press('d')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Appearance: dark' }).waitFor()
  await expect.poll(() => trigger.evaluate((element) => element === document.activeElement)).toBe(true)
  await trigger.click()
  await page.getByRole('menuitem', { name: 'System' }).click()
  await page.getByRole('button', { name: 'Appearance: system' }).waitFor()
  await trigger.click()
  await page.getByRole('menu').waitFor()
  await trigger.click()
  await page.getByRole('menu').waitFor({ state: 'hidden' })
  await trigger.click()
  await page.mouse.click(300, 500)
  await page.getByRole('menu').waitFor({ state: 'hidden' })
})

test('a dialog keeps the focus, closes by key, button and a press outside it, and gives its focus back', async () => {
  const trigger = page.getByRole('button', { name: 'Glossary', exact: true })
  const isBack = () => trigger.evaluate((element) => element === document.activeElement)
  for (const close of [
    () => page.keyboard.press('Escape'),
    () => glossary().getByRole('button', { name: 'Close' }).click(),
    () => page.mouse.click(100, 400),
  ]) {
    await trigger.click()
    await glossary().waitFor()
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Close')
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab')
      // The browser's own controls come after the last one; the page behind never does.
      const where = await page.evaluate(() => {
        const { activeElement } = document
        return activeElement === document.body || activeElement?.closest('dialog') !== null
      })
      expect(where).toBe(true)
    }
    await close()
    await glossary().waitFor({ state: 'detached' })
    await expect.poll(isBack).toBe(true)
  }
  // Text that is selected from inside the dialog to its outside closes nothing.
  await trigger.click()
  const box = await glossary().boundingBox()
  await page.mouse.move((box?.x ?? 0) + 200, 300)
  await page.mouse.down()
  await page.mouse.move(100, 300)
  await page.mouse.up()
  await glossary().waitFor()
  await page.keyboard.press('Escape')

  await page.getByRole('button', { name: 'Delete everything' }).click()
  const confirm = page.getByRole('alertdialog', { name: /^Delete everything stored/ })
  await confirm.waitFor()
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel')
  expect(await findBarriers(page)).toEqual([])
  await page.mouse.click(20, 400)
  await page.keyboard.press('Escape')
  await confirm.waitFor({ state: 'detached' })
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Delete everything')
})

test('shows the meaning of a term on focus, hover and touch, and hides it on Escape', async () => {
  const term = page.getByRole('main').getByRole('button', { name: 'teacher', exact: true })
  const tip = page.getByRole('tooltip')
  await term.focus()
  await tip.waitFor()
  expect(await tip.innerText()).toBe(termOf('teacher').meaning)
  const at = await tip.boundingBox()
  expect(at?.x).toBeGreaterThanOrEqual(0)
  expect((at?.x ?? 0) + (at?.width ?? 0)).toBeLessThanOrEqual(1280)
  expect(await findBarriers(page)).toEqual([])
  await page.keyboard.press('Escape')
  await tip.waitFor({ state: 'hidden' })
  await term.blur()
  await term.hover()
  await tip.waitFor()
  await page.mouse.move(0, 0)
  await tip.waitFor({ state: 'hidden' })
  await term.dispatchEvent('click') // all that a touch sends to a page without a pointer
  await tip.waitFor()
  await page.getByRole('heading', { level: 1 }).click()
  await tip.waitFor({ state: 'hidden' })
})

test('checks the training on this machine, every claim with its number', async () => {
  await page.getByRole('link', { name: 'Check that this machine computes correctly' }).click()
  await page.getByRole('heading', { level: 1, name: 'Self-check' }).waitFor()
  await checkScreen()
  await page.getByRole('button', { name: 'Check this machine' }).click()
  await page
    .getByRole('status')
    .getByText(/^Checking \d+ of \d+ claims…$/)
    .waitFor()
  await page
    .getByRole('status')
    .getByText(/^All \d+ claims hold on the processor with \d+ threads?\.$/)
    .waitFor({ timeout: 120_000 })
  const summaries = page.getByText('Every claim with its number')
  const groups = await summaries.count()
  expect(groups).toBeGreaterThanOrEqual(4)
  for (let i = 0; i < groups; i++) await summaries.nth(i).click()
  expect(await page.getByRole('row').count()).toBeGreaterThan(70)
  await checkScreen()
  await checkGlossary()
  await page.setViewportSize({ width: 390, height: 800 })
  await expect.poll(() => overflowOf(page)).toBe(0)
  await page.setViewportSize({ width: 1280, height: 900 })
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download result' }).click()
  expect((await download).suggestedFilename()).toBe('retort-self-check.txt')
  await page.getByRole('link', { name: 'All projects', exact: true }).click()
  await page.getByRole('button', { name: 'New project' }).waitFor()
})

test('opens a new project on its seeds, with its steps as links in order', async () => {
  await page.getByRole('button', { name: 'New project' }).click()
  await page.getByRole('heading', { level: 1, name: 'Seeds' }).waitFor()
  const links = page.getByRole('navigation', { name: 'Steps' }).getByRole('link')
  expect(await links.count()).toBe(SCREENS.length)
  for (const [index, name] of SCREENS.entries())
    expect(await links.nth(index).getAttribute('href')).toBe(await link(name).getAttribute('href'))
})

describe.each(SCREENS)('the screen %s of an empty project', (name) => {
  test('has one heading, one live region, no barrier, and takes focus on navigation', async () => {
    await link(name).click()
    await page.getByRole('heading', { level: 1, name }).waitFor()
    expect(await link(name).getAttribute('aria-current')).toBe('page')
    if (name !== 'Seeds')
      await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('H1')
    await checkScreen()
    await checkGlossary()
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

test('renames, duplicates, saves, opens and deletes a project from the list', async () => {
  await page.getByRole('link', { name: /all projects/ }).click()
  await page.getByRole('button', { name: 'New project' }).waitFor()
  const rows = page.getByRole('group').filter({ has: page.getByRole('button', { name: 'Save project' }) })
  expect(await rows.count()).toBe(1)
  await page.getByRole('button', { name: /^Actions for/ }).click()
  await page.getByRole('menuitem', { name: 'Rename' }).click()
  await page.getByRole('textbox', { name: 'New name' }).fill('Customer replies')
  await page.getByRole('button', { name: 'Rename' }).click()
  await page.getByRole('link', { name: 'Customer replies', exact: true }).waitFor()

  await page.getByRole('button', { name: /^Actions for/ }).click()
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
    .getByRole('button', { name: /^Actions for/ })
    .first()
    .click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  const confirm = page.getByRole('dialog').getByRole('button', { name: /delete/i })
  if (await confirm.isVisible().catch(() => false)) await confirm.click()
  await expect.poll(() => rows.count()).toBe(2)
})

test('offers to save stored replies with a project, and the size that they add', async () => {
  const project = page.getByRole('link', { name: 'Customer replies', exact: true })
  const id = /[0-9a-f]{8,64}/.exec((await project.getAttribute('href')) ?? '')?.[0] ?? ''
  await page.evaluate(async (projectId) => {
    const opening = indexedDB.open('retort')
    await new Promise((resolve) => opening.addEventListener('success', resolve))
    const transaction = opening.result.transaction(['calls', 'callUses'], 'readwrite')
    for (let i = 0; i < 300; i++) {
      const key = `${i}`.padStart(32, '0')
      const result = { text: `Reply ${i}`, finishReason: 'end', promptTokens: 4, tokens: 3 }
      transaction.objectStore('calls').put({ projectId, key, reply: { kind: 'complete', result } })
      transaction.objectStore('callUses').put({ projectId, key, user: 'trial' })
    }
    await new Promise((resolve) => transaction.addEventListener('complete', resolve))
    opening.result.close()
  }, id)
  const button = page
    .getByRole('group')
    .filter({ has: project })
    .getByRole('button', { name: 'Save project' })
  const choice = page.getByRole('dialog', { name: 'Save project' })
  const sizes: number[] = []
  for (const withReplies of [true, false]) {
    await button.click()
    const box = choice.getByRole('checkbox', {
      name: /^Include 300 stored replies of models \(adds about [\d.]+ kB\)/,
    })
    await box.waitFor()
    expect(await findBarriers(page)).toEqual([])
    await box.setChecked(withReplies)
    const saved = page.waitForEvent('download')
    await choice.getByRole('button', { name: 'Save', exact: true }).click()
    sizes.push(readFileSync(await (await saved).path()).length)
  }
  expect(sizes[0]).toBeGreaterThan((sizes[1] ?? 0) + 1000)
})

test('refuses a file that is no project with a sentence', async () => {
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

test('deletes everything after one confirmation', async () => {
  await page.getByRole('button', { name: 'Delete everything' }).click()
  await page.getByRole('button', { name: 'Yes, delete it all' }).click()
  await page.getByText('Everything was deleted').first().waitFor()
  expect(await page.evaluate(async () => (await indexedDB.databases()).length)).toBeLessThanOrEqual(1)
})

test('raises no error and sends no request to another origin', () => expectNoErrors(watched))
