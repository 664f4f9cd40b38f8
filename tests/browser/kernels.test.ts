// Knows: that the kernels compute the same bits in a browser with every module that it can run, on any number of threads.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectNoErrors, openBrowser, openPage, PAGES } from './harness.ts'
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
