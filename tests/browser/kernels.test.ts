// Knows: that the kernels compute the same bits in a browser with every module that it can run, on any number of threads.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { join } from 'node:path'
import {
  DIST,
  expectNoErrors,
  hasTeacher,
  openBrowser,
  openPage,
  PAGES,
  SHARED,
  TEACHER_FILE,
  waitUntilIsolated,
} from './harness.ts'
import { Person } from './person.ts'
import { failuresOf, readChecks } from './read-checks.ts'
import { serveFolder, type Site } from './serve.ts'

let site: Site
beforeAll(async () => {
  site = await serveFolder(PAGES)
})
afterAll(() => site.close())

// Without VNNI a new processor is like older ones; plain products, which Safari has, are among the modules in any case.
test.each([
  ['as it is', []],
  ['without VNNI', ['--js-flags=--no-enable-avx-vnni']],
] as const)(
  'compute what scalar code computes, with every module and number of threads: this processor %s',
  async (_, args) => {
    const browser = await openBrowser({ args })
    const watched = await openPage(browser, `${site.url}checks.html?kind=kernels&backend=wasm`)
    const checks = await readChecks(watched.page)
    console.info(checks[0]?.name)
    expectNoErrors(watched)
    expect(failuresOf(checks)).toEqual([])
    // Two memories and three numbers of threads for each of at least two modules, the choice and the loads.
    expect(checks.length).toBeGreaterThanOrEqual(12)
    await browser.close()
  },
)

test.skipIf(!hasTeacher)(
  'load SmolLM2 in the page unless a person chooses otherwise, and it responds',
  async () => {
    const browser = await openBrowser()
    const page = await serveFolder(DIST, { models: [join(SHARED, 'models')] })
    try {
      const watched = await openPage(browser, page.url)
      await waitUntilIsolated(watched.page)
      const person = new Person(watched.page)
      await person.press('New project')
      await person.goTo('Teacher')
      const main = watched.page.getByRole('main')
      await main.getByRole('listitem').getByRole('button', { name: TEACHER_FILE, exact: true }).click()
      const form = main.getByLabel('Weights in memory').locator('option').first()
      expect(await form.textContent()).toMatch(/^Automatic: Packed, with 8-bit activations, \d+ MB$/)
      await person.press('Load teacher')
      await person.waitFor(/is loaded on/, 60)
      await main.getByText('The weights keep the bits of the file').waitFor()
      await main
        .getByText(/changes its next-token distribution by a KL divergence of 0\.00\d+ nats/)
        .waitFor()
      await main.getByLabel('Try a prompt').fill('What is the capital of France? Answer in one sentence.')
      await person.press('Generate')
      await main.getByText('Paris').waitFor()
      expectNoErrors(watched)
    } finally {
      await browser.close()
      await page.close()
    }
  },
)
