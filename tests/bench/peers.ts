// Knows: how other programs that train in a tab come onto this machine and into one page with ours. They are no dependencies of this
// project: they are installed beside the page when it is measured.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { build } from 'vite'
import { ISOLATION_HEADERS } from '../../workers/hosting/headers.ts'
import { serveFolder } from '../browser/serve.ts'
import { installPeers } from './install.ts'
import type { PartAnswer } from './measure.ts'

const FOLDER = fileURLToPath(new URL('./peers', import.meta.url))
const OUT = fileURLToPath(new URL('../../test-results/bench-peers', import.meta.url))

/** The page without the policy that ours lives under: jax-js and TensorFlow.js start their threads from text. */
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
    // Not made smaller: TensorFlow.js hands the text of one of its functions to its threads.
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

/** Undefined, with a line that says why, where the peers cannot be installed. */
export async function measurePeers(browser: Browser): Promise<PartAnswer | undefined> {
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
    const handle = await page.waitForFunction(() => globalThis.benchAnswer, undefined, { timeout: 1_800_000 })
    const answer = await handle.jsonValue()
    if (answer === undefined || 'broken' in answer)
      throw new Error(`The part peers broke: ${answer?.broken ?? 'no answer'}`)
    return answer
  } finally {
    await context.close()
    await site.close()
  }
}
