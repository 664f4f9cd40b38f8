// Knows: how other programs that train in a tab are installed and built into one page with ours. They are no dependencies of this project:
// the benchmark installs them.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { build } from 'vite'
import { ISOLATION_HEADERS } from '../../workers/hosting/headers.ts'
import { serveFolder } from '../browser/serve.ts'
import { installPeers } from './install.ts'
import type { PartResult } from './measure.ts'

const FOLDER = fileURLToPath(new URL('./peers', import.meta.url))
const OUT = fileURLToPath(new URL('../../test-results/bench-peers', import.meta.url))

/** The page has no content security policy, unlike ours: jax-js and TensorFlow.js start their threads from text. */
async function buildPage(): Promise<void> {
  await build({
    root: FOLDER,
    configFile: false,
    base: './',
    logLevel: 'error',
    resolve: {
      conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'],
    },
    worker: { format: 'es' },
    // Not minified: TensorFlow.js passes the source text of one of its functions to its threads.
    build: {
      target: 'es2023',
      outDir: OUT,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      minify: false,
      modulePreload: { polyfill: false },
      rolldownOptions: { input: join(FOLDER, 'peers.html') },
    },
  })
}

/** Undefined, after printing why, if the peers cannot be installed. */
export async function measurePeers(browser: Browser): Promise<PartResult | undefined> {
  const failed = await installPeers(FOLDER)
  if (failed !== undefined) {
    console.log(`peers: not measured, ${failed}`)
    return undefined
  }
  await buildPage()
  const site = await serveFolder(OUT, { headers: ISOLATION_HEADERS })
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    page.on('pageerror', (error) => console.error(error.message))
    await page.goto(`${site.url}peers.html`)
    const handle = await page.waitForFunction(() => globalThis.benchResult, undefined, { timeout: 1_800_000 })
    const result = await handle.jsonValue()
    if (result === undefined || 'error' in result)
      throw new Error(`The part peers failed: ${result?.error ?? 'no result'}`)
    return result
  } finally {
    await context.close()
    await site.close()
  }
}
