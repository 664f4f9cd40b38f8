// Knows: the main job with an example and the built-in teacher, without a network and without a model of one's own.
import { readFileSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

/** The whole example takes minutes: `npm test` makes a tenth of its prompts and trains the smallest student. */
const isLong = process.env['RETORT_LONG'] !== undefined
if (!isLong)
  console.info('The example runs with fewer prompts and training steps: npm run test:long runs it whole.')

let browser: Browser
let site: Site
let watched: Watched
let person: Person

describe('the built-in teacher', { timeout: 400_000 }, () => {
  beforeAll(async () => {
    browser = await openBrowser()
    site = await serveFolder(DIST, { under: '/some/where/' })
    watched = await openPage(browser, site.url)
    await waitUntilIsolated(watched.page)
    person = new Person(watched.page)
  })
  afterAll(() => browser.close())

  test('shows what it knows and does not know', async () => {
    await watched.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
    // The service worker caches the engine after the first screen; then the host is not needed.
    await expect
      .poll(
        () =>
          watched.page.evaluate(async () =>
            (
              await Promise.all(
                (await caches.keys()).map(async (name) =>
                  (await (await caches.open(name)).keys()).map(({ url }) => url),
                ),
              )
            )
              .flat()
              .some((url) => /\/ort-[^/]*\.wasm$/.test(url)),
          ),
        { timeout: 60_000 },
      )
      .toBe(true)
    await site.close() // the host is gone for good
    await watched.page.getByRole('main').getByRole('button', { name: 'Use this example' }).first().click()
    await person.goTo('Teacher')
    const main = await watched.page.getByRole('main').innerText()
    expect(main).toContain('It knows nothing else.')
    await watched.page.getByText('Quality and training').click()
    expect(await watched.page.getByRole('main').innerText()).toMatch(/Word problems solved\s+one product/)
    expect(await findBarriers(watched.page)).toEqual([])
    expect(await overflowOf(watched.page)).toBe(0)
  })

  test.skipIf(isLong)('makes the example smaller', async () => {
    await person.goTo('Recipe')
    const text = watched.page.getByLabel('Recipe as YAML')
    const smaller = (await text.inputValue())
      .replace(/prompts: 400/, 'prompts: 40')
      .replace(/preset: micro/, 'preset: nano')
      .replace(/steps: 300/, 'steps: 100')
    expect(smaller).toMatch(/prompts: 40[^]*preset: nano[^]*steps: 100/)
    await text.fill(smaller)
    await person.press('Use recipe')
    await person.waitFor(/recipe is in use/)
  })

  test('loads from the Run screen, runs, and a student is trained and taken home without a network', async () => {
    await person.goTo('Run')
    await person.press('Use the built-in teacher')
    await expect
      .poll(() => watched.page.getByRole('main').innerText(), { timeout: 60_000 })
      .toContain('Corner shop is loaded')
    await person.press('Start run')
    expect(await person.waitFor(/^(Run finished|The run failed)/, 240)).toMatch(/finished/)
    const rows = await readStore(watched.page, 'rows')
    expect(rows.length).toBeGreaterThan(isLong ? 500 : 80)
    await person.goTo('Dataset')
    await person.press('Freeze dataset')
    await person.waitFor(/^Frozen: \d+ rows/)
    await person.goTo('Student')
    await person.press('Train student')
    await person.waitFor(/The student is trained/, 240)
    const [student] = await readStore(watched.page, 'students')
    const points = student?.['points'] as readonly { train: number; heldOut?: number }[]
    expect(points.at(-1)?.train).toBeLessThan((isLong ? 0.3 : 0.6) * (points[0]?.train ?? 0))
    await person.goTo('Take home')
    const { path } = await person.download('Download student')
    expect(readFileSync(path).length).toBeGreaterThan(isLong ? 500_000 : 300_000)
    expectNoErrors(watched)
  })

  test('loads again after a reload, without a network', async () => {
    await watched.page.reload()
    await person.goTo('Teacher')
    await person.waitFor(/Corner shop can be used/)
    await person.press('Load it')
    await person.waitFor(/is loaded on/)
    expectNoErrors(watched)
  })
})
