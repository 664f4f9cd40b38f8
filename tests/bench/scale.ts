// Knows: what the executor itself takes, apart from models: per call made and per call found in the journal, in Node; the replay of a journal
// of 100,000 calls from a database, and memory against what rows and journal take alone, in a page.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { build } from 'vite'
import { RunControl } from '../../src/actions/control.ts'
import { Executor } from '../../src/actions/executing/executor.ts'
import type { Models } from '../../src/actions/executing/ports.ts'
import { GREEDY } from '../../src/domain/sampling.ts'
import { complete, score, type Program } from '../../src/pipeline/programs/program.ts'
import { MemoryJournal } from '../actions/executing/memory-journal.ts'
import { serveFolder } from '../browser/serve.ts'
import { medianOf, timeOf, type Measured, type PartResult, type Ratio } from './measure.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const OUT = join(root, 'test-results/scale')
const ITEMS = 10_000
const CALLS_PER_ITEM = 4
const ROUNDS = 3
const REPLAYED = 100_000
const PROMPTS = 20_000

/** Completions and scores of an item, one after the other. */
function* work(item: number): Program<void> {
  for (let i = 0; i < CALLS_PER_ITEM / 2; i++) {
    const text = `Prompt ${item}, round ${i}: a note to a neighbour about a lost cat and a key.`
    const input = { kind: 'chat', messages: [{ role: 'user', content: text }] } as const
    const sampling = { ...GREEDY, maxTokens: 64, rngSeed: `${item}/${i}` }
    yield* complete('teacher', { id: `${item}/${i}`, input, sampling })
    yield* score('judge', { id: `${item}/${i}/score`, input, continuations: ['1', '2', '3', '4', '5'] })
  }
}

const IDENTITY = { fingerprint: 'stand-in', weights: 'f32' }
/** Responds at once, so that all the time is the executor's. */
const models: Models = {
  identify: () => IDENTITY,
  machineOf: () => 'one',
  batchOf: () => 128,
  call: async (batch, _signal, onResult) => {
    if (batch.kind === 'complete')
      for (const { id } of batch.requests)
        onResult({ id, text: 'Dear neighbour.', finishReason: 'end', promptTokens: 9, tokens: 4 })
    if (batch.kind === 'score')
      for (const { id } of batch.requests) onResult({ id, logProbs: [-1, -2, -3, -4, -5] })
  },
}

/** Microseconds per call that all items' programs take with this journal. */
async function overhead(journal: MemoryJournal): Promise<number> {
  const executor = new Executor({ models, journal, control: new RunControl() })
  const items = (function* () {
    for (let i = 0; i < ITEMS; i++) yield i
  })()
  const ms = await timeOf(() => executor.each<number, never, void>({ items, program: work }))
  return (1000 * ms) / (ITEMS * CALLS_PER_ITEM)
}

async function measureInPage(browser: Browser): Promise<{ measured: Measured[]; ratios: Ratio[] }> {
  const pages = join(root, 'tests/browser/pages')
  await build({
    root: pages,
    configFile: join(root, 'vite.config.ts'),
    publicDir: false,
    logLevel: 'warn',
    build: { outDir: OUT, emptyOutDir: true, rolldownOptions: { input: join(pages, 'scale.html') } },
  })
  const site = await serveFolder(OUT)
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    const devtools = await context.newCDPSession(page)
    await page.exposeFunction('usedBytes', async () => {
      await devtools.send('HeapProfiler.collectGarbage')
      return (await devtools.send('Runtime.getHeapUsage')).usedSize
    })
    await page.goto(`${site.url}scale.html`)
    await page.waitForFunction(() => globalThis.scale !== undefined)
    const replay = await page.evaluate((calls) => globalThis.scale.replay(calls), REPLAYED)
    const rounds = await page.evaluate((prompts) => globalThis.scale.rounds(prompts), PROMPTS)
    const how = 'one run in the page'
    return {
      measured: [
        { what: 'replay of a journal of 100,000 calls', value: replay.seconds, unit: 's', how },
        {
          what: 'tasks above 50 ms meanwhile',
          value: replay.longTasks.length,
          unit: 'tasks',
          how,
        },
        {
          what: 'rows and journal of 20,000 prompts in three rounds',
          value: rounds.after / 2 ** 20,
          unit: 'MiB',
          how,
        },
        { what: 'most memory while they ran', value: rounds.peak / 2 ** 20, unit: 'MiB', how },
      ],
      ratios: [
        { what: 'most memory of a run ÷ its rows and its journal', ratio: rounds.peak / rounds.after },
      ],
    }
  } finally {
    await context.close()
    await site.close()
  }
}

export async function measureScale(browser: Browser): Promise<PartResult> {
  const made: number[] = []
  const replayed: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const journal = new MemoryJournal()
    made.push(await overhead(journal))
    replayed.push(await overhead(journal))
  }
  const how = `median of ${ROUNDS}, ${(ITEMS * CALLS_PER_ITEM).toLocaleString('en')} calls, in Node`
  const inPage = await measureInPage(browser)
  return {
    measured: [
      { what: 'executor, per call made', value: medianOf(made), unit: 'µs', how },
      { what: 'executor, per call found in the journal', value: medianOf(replayed), unit: 'µs', how },
      ...inPage.measured,
    ],
    ratios: [
      { what: 'call found in the journal ÷ call made', ratio: medianOf(replayed) / medianOf(made) },
      ...inPage.ratios,
    ],
  }
}
