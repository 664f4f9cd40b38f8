// Knows: that a recipe is composed by mouse and by keyboard: steps from the gallery, their order, recipes to start from, the text with
// suggestions, the graph. None of it needs a model.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person } from './person.ts'
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
  await page.getByRole('button', { name: 'New project' }).click()
  await page.getByRole('heading', { level: 1, name: 'Seeds' }).waitFor()
  await person.goTo('Recipe')
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

const dialog = () => page.getByRole('dialog')
const text = () => page.getByLabel('Recipe as YAML')
/** The titles of the steps, in order. */
const titles = (): Promise<string[]> =>
  page
    .getByRole('region', { name: 'Steps' })
    .getByRole('button', { name: /^Reorder / })
    .evaluateAll((handles) => handles.map((handle) => handle.getAttribute('aria-label')?.slice(8) ?? ''))
const focused = (): Promise<string | null | undefined> =>
  page.evaluate(() => document.activeElement?.getAttribute('aria-label'))
const handle = (title: string) => page.getByRole('button', { name: `Reorder ${title}`, exact: true })
const indexOf = async (title: string): Promise<number> => (await titles()).indexOf(title)

async function expectNoBarriers(): Promise<void> {
  expect(await findBarriers(page)).toEqual([])
  await page.setViewportSize({ width: 390, height: 800 })
  await expect.poll(() => overflowOf(page)).toBe(0)
  await page.setViewportSize({ width: 1280, height: 900 })
}

describe('the gallery of steps', () => {
  test('finds steps by their texts, says where each comes from, and has no barrier', async () => {
    await person.press('Add a step')
    await dialog().waitFor()
    expect(await dialog().getByRole('heading', { level: 4 }).count()).toBeGreaterThan(20)
    await expectNoBarriers()
    await dialog().getByLabel('Search steps').fill('final reference')
    await expect
      .poll(() => dialog().getByRole('heading', { level: 4 }).allInnerTexts())
      .toContain('Right final answer')
    expect(await dialog().getByRole('link').first().getAttribute('href')).toMatch(/^https:\/\//)
    await dialog().getByLabel('Search steps').fill('zebra crossing')
    await dialog().getByText('No step has “zebra crossing” in its texts').waitFor()
  })

  test('inserts a step in its place, which Undo takes back', async () => {
    const before = await titles()
    await dialog().getByLabel('Search steps').fill('right final')
    await dialog().getByRole('button', { name: 'Add Right final answer' }).click()
    await dialog().waitFor({ state: 'detached' })
    await person.waitFor(/“Right final answer” is step \d+ now/)
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.textContent ?? ''))
      .toMatch(/Right final answer/)
    expect((await titles()).toSpliced(await indexOf('Right final answer'), 1)).toEqual(before)
    expect(await text().inputValue()).toContain('- filter: final-answer')
    await person.press('Undo')
    await expect.poll(titles).toEqual(before)
  })
})

test('a second judge has a role of its own, and a form without settings that have no effect', async () => {
  await person.press('Add a step')
  await dialog().getByRole('button', { name: 'Add Judge by a rubric' }).click()
  await dialog().waitFor({ state: 'detached' })
  const card = page
    .getByRole('region', { name: 'Steps' })
    .getByRole('listitem')
    .filter({ has: page.getByLabel('Rubric', { exact: true }) })
  await expect.poll(() => card.count(), { timeout: 10_000 }).toBe(1)
  expect(await card.getByLabel('Own rubric').count()).toBe(0)
  await card.getByLabel('Rubric', { exact: true }).selectOption('own')
  await card.getByLabel('Own rubric').fill('Is it polite?')
  await card.getByLabel('Own rubric').blur()
  await expect.poll(() => text().inputValue(), { timeout: 10_000 }).toContain('Is it polite?')
  await card.getByLabel('Model', { exact: true }).selectOption({ label: 'a role of your own…' })
  const role = card.getByLabel('Model, name of the role')
  await role.fill('Second Critic')
  await role.press('Enter')
  await expect.poll(() => text().inputValue(), { timeout: 10_000 }).toContain('by: second-critic')
  await expectNoBarriers()
  await card.getByRole('button', { name: 'Remove Judge by a rubric' }).click()
})

describe('the order of steps', () => {
  test('is changed by keys on a handle, which keeps focus, and is announced', async () => {
    const at = await indexOf('Length')
    await handle('Length').focus()
    for (const key of ['Enter', 'ArrowDown', 'ArrowDown', 'Enter']) await page.keyboard.press(key)
    await expect.poll(() => indexOf('Length')).toBe(at + 2)
    await expect.poll(focused).toBe('Reorder Length')
    await page.getByText(`“Length” is step ${at + 3} of`).waitFor({ state: 'attached' })
    for (const key of ['Enter', 'ArrowUp', 'Escape']) await page.keyboard.press(key)
    expect(await indexOf('Length')).toBe(at + 2)
  })

  test('is not changed to one that a recipe must not have, with the reason', async () => {
    const before = await titles()
    await handle(before.at(-1) ?? '').focus()
    for (const key of ['Enter', 'Home']) await page.keyboard.press(key)
    await expectNoBarriers()
    await page.keyboard.press('Enter')
    await page.locator('li').getByText('cannot be step 1. In that order:').waitFor()
    expect(await titles()).toEqual(before)
    await page.getByRole('button', { name: `Move ${before.at(-1)} up` }).click()
    await page
      .locator('li')
      .getByText(/cannot be step \d+\. In that order:/)
      .waitFor()
    expect(await titles()).toEqual(before)
  })

  test('is changed by buttons and by dragging', async () => {
    const at = await indexOf('Length')
    await page.getByRole('button', { name: 'Move Length up' }).click()
    await expect.poll(() => indexOf('Length')).toBe(at - 1)
    await expect.poll(focused).toBe('Move Length up')
    // In the middle of the window, where a drag does not scroll.
    await handle('Length').evaluate((item) => item.scrollIntoView({ block: 'center' }))
    const from = await handle('Novelty').boundingBox()
    const to = await handle('Length').boundingBox()
    if (from === null || to === null) throw new Error('a handle is not drawn')
    await page.mouse.move(from.x + 8, from.y + 12)
    await page.mouse.down()
    await page.mouse.move(from.x + 8, from.y, { steps: 3 })
    await page.mouse.move(to.x + 8, to.y + 4, { steps: 5 })
    await page.waitForTimeout(100) // a frame or more, in which the position is found
    await page.mouse.up()
    await expect.poll(() => indexOf('Novelty')).toBe(at - 1)
    await expect.poll(() => indexOf('Length')).toBe(at)
  })
})

test('a recipe of the library replaces the recipe, and Undo restores it', async () => {
  const before = await text().inputValue()
  await person.press('Start from a recipe')
  await dialog().getByRole('heading', { name: 'Rejection sampling on sums' }).waitFor()
  await expectNoBarriers()
  const entry = dialog()
    .getByRole('listitem')
    .filter({ has: page.getByRole('heading', { name: 'Rejection sampling on sums' }) })
  await entry.getByRole('button', { name: 'Start from this recipe' }).click()
  await person.waitFor(/“Rejection sampling on sums” is|The recipe is “Rejection sampling on sums” now/)
  expect(await text().inputValue()).toMatch(/^# Rejection sampling/)
  await person.press('Undo')
  await expect.poll(() => text().inputValue()).toBe(before)
})

describe('the recipe as text', () => {
  test('suggests steps, settings and values while it is written, and can be undone', async () => {
    await text().fill('retort: 2\nname: Mine\nsteps:\n  - complete: teacher\n')
    await text().press('Control+End')
    await page.keyboard.type('  - nove')
    await page.getByRole('option', { name: /filter: novelty/ }).waitFor()
    await expectNoBarriers()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter') // a new line, indented
    await page.keyboard.type('thr')
    await page.keyboard.press('Tab')
    await expect.poll(() => text().inputValue()).toMatch(/\n {2}- filter: novelty\n {4}threshold: $/)
    expect(await page.getByRole('option').count()).toBe(3)
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await expect.poll(() => text().inputValue()).toMatch(/threshold: [\d.]+$/)
    await page.keyboard.press('Control+z')
    await expect.poll(() => text().inputValue()).toMatch(/threshold: $/)
    await page.keyboard.press('Escape')
    expect(await titles()).toEqual(['Complete', 'Novelty'])
  })

  test('marks problems in their lines and at their fields, and leads there', async () => {
    await text().fill('retort: 2\nname: Mine\nsteps:\n  - complete: teacher\n    n: 99\n  - filter: lenght\n')
    await page.getByRole('button', { name: 'Line 5', exact: true }).click()
    expect(
      await text().evaluate((field: HTMLTextAreaElement) =>
        field.value.slice(field.selectionStart, field.selectionEnd),
      ),
    ).toBe('    n: 99')
    expect(
      await page.getByRole('spinbutton', { name: 'Completions per prompt' }).getAttribute('aria-invalid'),
    ).toBe('true')
    await page.getByRole('region', { name: 'Steps' }).getByText('there is no').waitFor()
    await expectNoBarriers()
  })
})

test('the recipe as a graph is read as a list, in both widths', async () => {
  await text().fill('retort: 2\nsteps:\n  - grow: self-instruct\n  - complete: teacher\n  - filter: length\n')
  await page.getByRole('tab', { name: 'Graph' }).click()
  const graph = page.getByRole('region', { name: 'Recipe as a graph' })
  await expect
    .poll(() => graph.getByRole('listitem').allInnerTexts())
    .toEqual([
      'Seeds: here the rows begin.',
      'Grow prompts (Self-Instruct) (grow: self-instruct) takes seeds from Seeds.',
      'Complete (complete: teacher) takes prompts from Grow prompts (Self-Instruct).',
      'Length (filter: length) takes completions from Complete.',
      'Completions, from Length.',
    ])
  expect(await graph.locator('svg rect').count()).toBe(5)
  await expectNoBarriers()
})

test('raises no error and sends no request to another origin', () => expectNoErrors(watched))
