// Knows: that the engine computes in a real browser what it computes elsewhere: on wasm with threads, and on WebGPU alone.
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectNoFaults, openBrowser, openPage, PAGES } from './harness.ts'
import { readChecks, sentencesOf } from './read-checks.ts'
import type { Check, ChecksAsked } from './pages/check.ts'
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

/** Runs a kind of checks in a worker of a fresh page, under the page's own policy; gives them all. */
async function runChecks({ kind, backend }: ChecksAsked): Promise<readonly Check[]> {
  const watched = await openPage(browser, `${site.url}checks.html?kind=${kind}&backend=${backend}`)
  try {
    const checks = await readChecks(watched.page)
    expectNoFaults(watched)
    return checks
  } finally {
    await watched.context.close()
  }
}

describe.each(['wasm', 'webgpu'] as const)('on %s', (backend) => {
  test('every op and its gradient give PyTorch’s numbers', async () => {
    const checks = await runChecks({ kind: 'gradients', backend })
    expect(sentencesOf(checks)).toEqual([])
    expect(checks.length).toBeGreaterThan(40)
  })

  test('batches write and score what single rows on wasm do, with floats and with four bits', async () => {
    const checks = await runChecks({ kind: 'engine', backend })
    expect(sentencesOf(checks)).toEqual([])
    expect(checks.length).toBe(5)
  })

  test('graphs of another exporter write what transformers writes', async () => {
    const checks = await runChecks({ kind: 'foreign', backend })
    expect(sentencesOf(checks)).toEqual([])
    expect(checks.length).toBe(1)
  })

  test('decoders of other architectures give transformers’ logits', async () => {
    const checks = await runChecks({ kind: 'architectures', backend })
    expect(sentencesOf(checks)).toEqual([])
    expect(checks.length).toBe(2)
  })

  test('the claims of the self-check hold', async () => {
    const checks = await runChecks({ kind: 'claims', backend })
    expect(sentencesOf(checks)).toEqual([])
    expect(checks.length).toBeGreaterThan(60)
  })

  test('train steps give PyTorch’s losses and norms', async () => {
    const checks = await runChecks({ kind: 'training', backend })
    expect(sentencesOf(checks)).toEqual([])
    expect(checks.length).toBeGreaterThan(10)
  })
})
