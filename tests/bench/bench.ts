// Knows: which parts are measured, under which conditions, and how the results are printed: side by side, in one run.
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { build } from 'vite'
import { DIST, hasTeacher, openBrowser, SHARED } from '../browser/launch.ts'
import { serveFolder } from '../browser/serve.ts'
import { measureBuiltInTeacher } from './built-in-teacher.ts'
import { measureClasses } from './classes.ts'
import { measureDecoding } from './decoding.ts'
import { measureLoading } from './loading.ts'
import { PARTS, type Part, type PartResult } from './measure.ts'
import { measureNative } from './native.ts'
import { measureOpening } from './opening.ts'
import { measurePeers } from './peers.ts'
import { measureScale } from './scale.ts'

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

/** Builds the benchmark pages like the page itself, with the same content security policy. */
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

async function measurePart(browser: Browser, url: string, part: Part): Promise<PartResult> {
  const context = await browser.newContext()
  const page = await context.newPage()
  page.on('pageerror', (error) => console.error(error.message))
  await page.goto(`${url}bench.html?part=${part}`)
  const handle = await page.waitForFunction(() => globalThis.benchResult, undefined, {
    timeout: part === 'memory' ? 3_600_000 : 900_000,
  })
  const result = await handle.jsonValue()
  await context.close()
  if (result === undefined || 'error' in result)
    throw new Error(`The part ${part} failed: ${result?.error ?? 'no result'}`)
  return result
}

/** Builds the page itself for this, and serves it with the headers of a suitable host. */
async function measureOpeningOfPage(browser: Browser, models: readonly string[]): Promise<PartResult> {
  await build({ root, logLevel: 'warn' })
  const page = await serveFolder(DIST, { models })
  try {
    return await measureOpening(browser, page.url)
  } finally {
    await page.close()
  }
}

/** In Node, on the page itself or in a worker of the benchmark page; undefined if something is missing, which has been printed. */
async function measureAnywhere(
  browser: Browser,
  url: string,
  models: readonly string[],
  part: Part,
): Promise<PartResult | undefined> {
  switch (part) {
    case 'native':
      return measureNative()
    case 'built-in-teacher':
      return measureBuiltInTeacher()
    case 'classes':
      return measureClasses()
    case 'decoding':
      return measureDecoding()
    case 'loading':
      return measureLoading()
    case 'opening':
      return measureOpeningOfPage(browser, models)
    case 'scale':
      return measureScale(browser)
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

/** Measures the named parts, or all; prints each as it ends, and the ratios last. */
export async function runBench(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !isPart(name))
  if (unknown.length > 0)
    throw new Error(`There is no part called ${unknown.join(', ')}; there are ${PARTS.join(', ')}.`)
  await buildPages()
  const models = [join(root, 'models'), join(SHARED, 'models'), join(root, 'public/teacher')]
  const site = await serveFolder(OUT, { models })
  const browser = await openBrowser()
  const [cpu] = cpus()
  console.log(
    `Chromium ${browser.version()}, wasm with 2 threads, ${cpus().length} cores of ${cpu?.model.trim() ?? 'an unknown processor'}; medians, one run.\n`,
  )
  const results: PartResult[] = []
  try {
    for (const part of PARTS.filter((name) => names.length === 0 || names.includes(name))) {
      if (NEEDS_TEACHER.includes(part) && !hasTeacher) {
        console.log(`${part}: not measured, there is no model in ../shared/models.`)
        continue
      }
      const result = await measureAnywhere(browser, site.url, models, part)
      if (result === undefined) continue
      results.push(result)
      for (const { what, value, unit, how } of result.measured)
        console.log(`${what.padEnd(58)} ${show(value).padStart(9)} ${unit.padEnd(10)} ${how}`)
    }
  } finally {
    await browser.close()
    await site.close()
  }
  console.log('')
  for (const { what, ratio } of results.flatMap(({ ratios }) => ratios))
    console.log(`${what.padEnd(72)} × ${ratio.toFixed(2)}`)
}
