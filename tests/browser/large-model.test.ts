// A model of 1.24 billion parameters runs in the browser without a graphics card, in less than 2 GB.
import { expect, test } from 'vitest'
import { canReadMemory, memoryOf, renderersOf } from '../bench/process-memory.ts'
import { expectNoErrors, openBrowser, openPage, PAGES } from './harness.ts'
import { failuresOf, readChecks } from './read-checks.ts'
import { serveFolder } from './serve.ts'

test('a model with the shapes of Llama 3.2 1B loads and computes in less than 2 GB', async () => {
  const [browser, site] = [await openBrowser(), await serveFolder(PAGES)]
  try {
    const watched = await openPage(browser, `${site.url}checks.html?kind=large-model&backend=wasm`)
    const checks = await readChecks(watched.page)
    const { peak } = memoryOf(await renderersOf(browser))
    console.info(checks.map(({ detail }) => detail).join('\n'), `\n${(peak / 1e9).toFixed(2)} GB at its peak`)
    expectNoErrors(watched)
    expect(failuresOf(checks)).toEqual([])
    expect(checks).toHaveLength(1)
    if (canReadMemory) expect(peak).toBeLessThan(2 * 2 ** 30)
  } finally {
    await browser.close()
    await site.close()
  }
}, 240_000)
