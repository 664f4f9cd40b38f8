// Large runs in a real page over a real database: how long the tasks of its thread are, how long a resume takes, how much memory programs
// need. The numbers are printed; the bounds leave room for a busy machine.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, openPage, PAGES } from './harness.ts'
import type { ScaleResult } from './pages/scale.ts'
import { serveFolder, type Site } from './serve.ts'

const ROWS = 100_000
const CALLS = 100_000

let browser: Browser
let site: Site
beforeAll(async () => {
  browser = await openBrowser()
  site = await serveFolder(PAGES)
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

async function openScale(): Promise<Page> {
  const { page, context } = await openPage(browser, `${site.url}scale.html`)
  const devtools = await context.newCDPSession(page)
  await page.exposeFunction('usedBytes', async () => {
    await devtools.send('HeapProfiler.collectGarbage')
    return (await devtools.send('Runtime.getHeapUsage')).usedSize
  })
  await page.waitForFunction(() => globalThis.scale !== undefined)
  return page
}

/** The longest tasks of each part of the work, in milliseconds. */
function longest({ longTasks }: ScaleResult): Record<string, number[]> {
  const byPhase: Record<string, number[]> = {}
  for (const { ms, phase } of longTasks.toSorted((a, b) => b.ms - a.ms)) {
    const known = byPhase[phase] ?? []
    if (known.length < 5) byPhase[phase] = [...known, ms]
  }
  return byPhase
}

test.each([
  ['top and threshold', 'judge: rubric', '  - keep: threshold\n    min: 2\n  - keep: top\n    k: 2\n', ROWS],
  ['pairs by comparisons', 'compare: pairwise', '  - keep: pair-preferred\n', ROWS / 4],
] as const)(
  'a run through steps over all rows, with %s, leaves the page’s thread free',
  { timeout: 1_800_000 },
  async (name, step, keep, rows) => {
    const page = await openScale()
    const run = await page.evaluate(([count, own, last]) => globalThis.scale.run(count, own, last), [
      rows,
      step,
      keep,
    ] as const)
    console.log(
      `${rows} rows, ${name}: ${run.seconds} s; tasks above 50 ms: ${run.longTasks.length}`,
      longest(run),
    )
    const again = await page.evaluate(() => globalThis.scale.resume())
    console.log(`resumed: ${again.seconds} s; tasks above 50 ms: ${again.longTasks.length}`, longest(again))
    expect(run).toMatchObject({ rows })
    expect(again).toMatchObject({ rows, kept: run['kept'] })
    // A step that does all rows in one task takes many seconds; on two busy cores a collection of garbage takes some tenths of one.
    for (const { ms, phase } of [...run.longTasks, ...again.longTasks]) expect(ms, phase).toBeLessThan(1000)
    await page.context().close()
  },
)

test('a step over all rows is replayed from a journal of 100,000 calls', { timeout: 600_000 }, async () => {
  const page = await openScale()
  const replay = await page.evaluate((calls) => globalThis.scale.replay(calls), CALLS)
  console.log(`${CALLS} calls replayed in ${replay.seconds} s; tasks above 50 ms:`, longest(replay))
  expect(replay).toMatchObject({ made: 0, replayed: CALLS })
  // About 3 s on two idle cores; one address after the other takes minutes.
  expect(replay.seconds).toBeLessThan(15)
  await page.context().close()
})

test('20,000 prompts through three rounds take little more than their rows and the journal', async () => {
  const page = await openScale()
  const rounds = await page.evaluate(() => globalThis.scale.rounds(20_000))
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
  console.log(
    `${rounds.made} calls in ${rounds.seconds} s, rows and journal ${mebibytes(rounds.after)} MiB, most while it ran ${mebibytes(rounds.peak)} MiB`,
  )
  expect(rounds.made).toBe(120_000)
  expect(rounds.samples).toBeGreaterThan(3)
  expect(Math.abs(rounds.peak - rounds.after)).toBeLessThan(0.1 * rounds.after)
  await page.context().close()
})
