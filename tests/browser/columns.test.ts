// Knows: that a person maps the columns of a file by keyboard alone, and that the choice is remembered for files of the same form.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

let browser: Browser
let site: Site
let watched: Watched
let page: Page
let person: Person
beforeAll(async () => {
  browser = await openBrowser()
  site = await serveFolder(DIST)
  watched = await openPage(browser, site.url)
  page = watched.page
  person = new Person(page)
  await waitUntilIsolated(page)
  await page.getByRole('button', { name: 'New project', exact: true }).first().click()
  await page.getByRole('heading', { level: 1, name: 'Seeds', exact: true }).waitFor()
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

const FILE =
  'nr,wording,solved,where\n1,How many pears are in two bags of six?,12,Ulm\n2,How many eggs are in a carton of ten?,10,Bonn\n'
const drop = (name: string, text: string): Promise<void> =>
  page
    .locator('input[type=file]')
    .first()
    .setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) })
const heading = (name: string) => page.getByRole('heading', { name: `Columns of ${name}` })
const role = (column: string) => page.getByRole('combobox', { name: column, exact: true })

/** Presses Tab until a control has the focus. */
async function tabTo(name: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab')
    const focused = await page.evaluate(() => {
      const element = document.activeElement
      const label =
        element instanceof HTMLSelectElement ? element.labels[0]?.textContent : element?.textContent
      return label?.trim()
    })
    if (focused === name) return
  }
  throw new Error(`Tab does not reach “${name}”.`)
}

test('columns of unknown names are mapped by keyboard alone, and the report says what was read as what', async () => {
  await drop('unknown.csv', FILE)
  await heading('unknown.csv').waitFor()
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('H2')
  expect(await findBarriers(page)).toEqual([])
  for (const [column, letter, value] of [
    ['nr', 'I', 'ignore'],
    ['wording', 'P', 'prompt'],
    ['solved', 'A', 'answer'],
    ['where', 'F', 'field'],
  ] as const) {
    await tabTo(column)
    await page.keyboard.press(letter)
    expect(await role(column).inputValue()).toBe(value)
  }
  await tabTo('Add')
  await page.keyboard.press('Enter')
  await person.waitFor(/2 of 2 rows added/)
  const seeds = await readStore(page, 'seeds')
  expect(seeds.map(({ text, answer }) => [text, answer])).toEqual(
    expect.arrayContaining([
      ['How many pears are in two bags of six?', '12'],
      ['How many eggs are in a carton of ten?', '10'],
    ]),
  )
})

test('a file of the same form is read by the same choice, which can be changed', async () => {
  await drop('later.csv', FILE.replaceAll('pears', 'plums').replaceAll('eggs', 'nuts'))
  await person.waitFor(/2 of 2 rows added/)
  expect(await page.getByText('The columns were read as you chose').count()).toBe(1)
  await expect.poll(async () => (await readStore(page, 'seeds')).length).toBe(4)
  await page.getByRole('button', { name: 'Change columns' }).press('Enter')
  await heading('later.csv').waitFor()
  expect(await role('wording').inputValue()).toBe('prompt')
  expect(await role('where').inputValue()).toBe('field')
})

test('on a narrow page the table scrolls by itself and says so', async () => {
  await page.setViewportSize({ width: 390, height: 800 })
  await page.getByText('4 columns: scroll the table sideways').waitFor()
  expect(await overflowOf(page)).toBe(0)
  expect(await findBarriers(page)).toEqual([])
  await page.setViewportSize({ width: 1280, height: 900 })
  await expect.poll(() => page.getByText('scroll the table sideways').count()).toBe(0)
  await page.getByRole('button', { name: 'Cancel', exact: true }).press('Enter')
  await expect.poll(async () => (await readStore(page, 'seeds')).length).toBe(4)
  expectNoErrors(watched)
})
