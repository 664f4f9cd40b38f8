// Knows: that the engine's results in a real browser equal those elsewhere: on wasm with threads, and on WebGPU without fallback.
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectNoErrors, openBrowser, openPage, PAGES } from './harness.ts'
import { readChecks, failuresOf } from './read-checks.ts'
import type { Check, ChecksRequest } from './pages/check.ts'
import { serveFolder, type Site } from './serve.ts'

let browser: Browser
let site: Site
beforeAll(async () => {
  browser = await openBrowser({ webgpu: true })
  site = await serveFolder(PAGES)
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

/** Runs a kind of checks in a worker of a new page, under the page's own policy; returns them all. */
async function runChecks({ kind, backend }: ChecksRequest): Promise<readonly Check[]> {
  const watched = await openPage(browser, `${site.url}checks.html?kind=${kind}&backend=${backend}`)
  try {
    const checks = await readChecks(watched.page)
    expectNoErrors(watched)
    return checks
  } finally {
    await watched.context.close()
  }
}

/** Five minutes of software WebGPU; the gradients of every op and what transformers generates are checked in any case. */
const isLong = process.env['RETORT_LONG'] !== undefined
if (!isLong)
  console.info(
    'On WebGPU the batches, other architectures, self-check and training steps are skipped: npm run test:long runs them.',
  )

describe.each(['wasm', 'webgpu'] as const)('on %s', (backend) => {
  test('computes PyTorch’s values and gradients for every op', async () => {
    const checks = await runChecks({ kind: 'gradients', backend })
    expect(failuresOf(checks)).toEqual([])
    expect(checks.length).toBeGreaterThan(40)
  })

  test.skipIf(backend === 'webgpu' && !isLong)(
    'generates and scores in batches what single rows on wasm do, with floats and with four bits',
    async () => {
      const checks = await runChecks({ kind: 'engine', backend })
      expect(failuresOf(checks)).toEqual([])
      expect(checks.length).toBe(5)
    },
  )

  test('generates what transformers generates from the graphs of another exporter', async () => {
    const checks = await runChecks({ kind: 'foreign', backend })
    expect(failuresOf(checks)).toEqual([])
    expect(checks.length).toBe(1)
  })

  test.skipIf(backend === 'webgpu' && !isLong)(
    'computes transformers’ logits for other architectures',
    async () => {
      const checks = await runChecks({ kind: 'architectures', backend })
      expect(failuresOf(checks)).toEqual([])
      expect(checks.length).toBe(2)
    },
  )

  test.skipIf(backend === 'webgpu' && !isLong)('passes the self-check', async () => {
    const checks = await runChecks({ kind: 'claims', backend })
    expect(failuresOf(checks)).toEqual([])
    expect(checks.length).toBeGreaterThan(60)
  })

  test.skipIf(backend === 'webgpu' && !isLong)(
    'computes PyTorch’s losses and norms in training steps',
    async () => {
      const checks = await runChecks({ kind: 'training', backend })
      expect(failuresOf(checks)).toEqual([])
      expect(checks.length).toBeGreaterThan(10)
    },
  )
})
