// Knows: which parts are measured, under which conditions, and how they are printed: side by side, in one run.
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { build } from 'vite'
import { DIST, hasTeacher, openBrowser, SHARED } from '../browser/launch.ts'
import { serveFolder } from '../browser/serve.ts'
import { measureBox } from './box.ts'
import { measureClasses } from './classes.ts'
import { measureDecoding } from './decoding.ts'
import { measureLoading } from './loading.ts'
import { PARTS, type Part, type PartAnswer } from './measure.ts'
import { measureNative } from './native.ts'
import { measureOpening } from './opening.ts'
import { measurePeers } from './peers.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const OUT = join(root, 'test-results/bench')
const NEEDS_TEACHER: readonly Part[] = [
  'generation',
  'decoding',
  'judging',
  'lora',
  'losses',
  'opening',
  'loading',
]

const isPart = (name: string): name is Part => PARTS.some((part) => part === name)

/** Builds the measuring pages like the page itself, under the same policy. */
async function buildPages(): Promise<void> {
  const pages = join(root, 'tests/bench/pages')
  await build({
    root: pages,
    configFile: join(root, 'vite.config.ts'),
    publicDir: false,
    logLevel: 'warn',
    build: { outDir: OUT, emptyOutDir: true, rolldownOptions: { input: join(pages, 'bench.html') } },
  })
}

async function measurePart(browser: Browser, url: string, part: Part): Promise<PartAnswer> {
  const context = await browser.newContext()
  const page = await context.newPage()
  page.on('pageerror', (error) => console.error(error.message))
  await page.goto(`${url}bench.html?part=${part}`)
  const handle = await page.waitForFunction(() => globalThis.benchAnswer, undefined, {
    timeout: part === 'memory' ? 3_600_000 : 900_000,
  })
  const answer = await handle.jsonValue()
  await context.close()
  if (answer === undefined || 'broken' in answer)
    throw new Error(`The part ${part} broke: ${answer?.broken ?? 'no answer'}`)
  return answer
}

/** The page itself is built anew for this, and served with the headers that a good host sends. */
async function measureOpeningOfPage(browser: Browser, models: readonly string[]): Promise<PartAnswer> {
  await build({ root, logLevel: 'warn' })
  const page = await serveFolder(DIST, { models })
  try {
    return await measureOpening(browser, page.url)
  } finally {
    await page.close()
  }
}

/** In Node, on the page itself or in a worker of the measuring page; undefined where something is missing, which has then been said. */
async function measureAnywhere(
  browser: Browser,
  url: string,
  models: readonly string[],
  part: Part,
): Promise<PartAnswer | undefined> {
  switch (part) {
    case 'native':
      return measureNative()
    case 'box':
      return measureBox()
    case 'classes':
      return measureClasses()
    case 'decoding':
      return measureDecoding()
    case 'loading':
      return measureLoading()
    case 'opening':
      return measureOpeningOfPage(browser, models)
    case 'peers':
      return measurePeers(browser)
    default:
      return measurePart(browser, url, part)
  }
}

const show = (value: number): string =>
  Number.isNaN(value)
    ? 'none'
    : value >= 100
      ? Math.round(value).toLocaleString('en')
      : value.toFixed(value >= 10 ? 1 : 2)

/** Measures the parts that were asked for, or all; prints each as it ends and the ratios last. */
export async function runBench(asked: readonly string[]): Promise<void> {
  const wrong = asked.filter((name) => !isPart(name))
  if (wrong.length > 0)
    throw new Error(`There is no part called ${wrong.join(', ')}; there are ${PARTS.join(', ')}.`)
  await buildPages()
  const models = [join(root, 'models'), join(SHARED, 'models'), join(root, 'public/teacher')]
  const site = await serveFolder(OUT, { models })
  const browser = await openBrowser()
  const [cpu] = cpus()
  console.log(
    `Chromium ${browser.version()}, wasm with 2 threads, ${cpus().length} cores of ${cpu?.model.trim() ?? 'an unknown kind'}; medians, one run.\n`,
  )
  const answers: PartAnswer[] = []
  try {
    for (const part of PARTS.filter((name) => asked.length === 0 || asked.includes(name))) {
      if (NEEDS_TEACHER.includes(part) && !hasTeacher) {
        console.log(`${part}: not measured, there is no model in ../shared/models.`)
        continue
      }
      const answer = await measureAnywhere(browser, site.url, models, part)
      if (answer === undefined) continue
      answers.push(answer)
      for (const { what, value, unit, how } of answer.measured)
        console.log(`${what.padEnd(58)} ${show(value).padStart(9)} ${unit.padEnd(10)} ${how}`)
    }
  } finally {
    await browser.close()
    await site.close()
  }
  console.log('')
  for (const { what, ratio } of answers.flatMap(({ ratios }) => ratios))
    console.log(`${what.padEnd(72)} × ${ratio.toFixed(2)}`)
}
