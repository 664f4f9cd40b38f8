// The main job with what the page brings along: an example and the teacher in the box, without a network and without a model of one's own.
import { readFileSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoFaults, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

let browser: Browser
let site: Site
let watched: Watched
let person: Person

describe('a newcomer with the teacher in the box', { timeout: 400_000 }, () => {
  beforeAll(async () => {
    browser = await openBrowser()
    site = await serveFolder(DIST, { under: '/some/where/' })
    watched = await openPage(browser, site.url)
    await waitUntilIsolated(watched.page)
    person = new Person(watched.page)
  })
  afterAll(() => browser.close())

  test('opens the example, and is told what the teacher in the box knows and does not know', async () => {
    await watched.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
    // The engine is kept behind the first screen; once it is, nothing is needed from the host.
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
              .some((url) => url.endsWith('.wasm')),
          ),
        { timeout: 60_000 },
      )
      .toBe(true)
    await site.close() // the host is gone for good
    await watched.page.getByRole('main').getByRole('button', { name: 'Use this example' }).first().click()
    await person.goTo('Teacher')
    const main = await watched.page.getByRole('main').innerText()
    expect(main).toContain('It knows nothing else.')
    await watched.page.getByText('How good it is, and how it was made').click()
    expect(await watched.page.getByRole('main').innerText()).toMatch(/Word problems solved\s+one product/)
    expect(await findBarriers(watched.page)).toEqual([])
    expect(await overflowOf(watched.page)).toBe(0)
  })

  test('loads it from the Run screen, runs, freezes, trains and takes a student home, all without a network', async () => {
    await person.goTo('Run')
    await person.press('Take the one in the box')
    await expect
      .poll(() => watched.page.getByRole('main').innerText(), { timeout: 60_000 })
      .toContain('Corner shop is loaded')
    await person.press('Start run')
    expect(await person.waitFor(/^Run (finished|broke)/, 240)).toMatch(/finished/)
    const rows = await readStore(watched.page, 'rows')
    expect(rows.length).toBeGreaterThan(500)
    await person.goTo('Dataset')
    await person.press('Freeze dataset')
    await person.waitFor(/^Frozen: \d+ rows/)
    await person.goTo('Student')
    await person.press('Train student')
    await person.waitFor(/The student is trained/, 240)
    const [student] = await readStore(watched.page, 'students')
    const points = student?.['points'] as readonly { train: number; heldOut?: number }[]
    expect(points.at(-1)?.train).toBeLessThan(0.3 * (points[0]?.train ?? 0))
    await person.goTo('Take home')
    const { path } = await person.download('Download student')
    expect(readFileSync(path).length).toBeGreaterThan(500_000)
    expectNoFaults(watched)
  })

  test('the teacher is offered again after a reload, and loads without the network', async () => {
    await watched.page.reload()
    await person.goTo('Teacher')
    await person.waitFor(/Corner shop can be used/)
    await person.press('Load it')
    await person.waitFor(/is loaded on/)
    expectNoFaults(watched)
  })
})
