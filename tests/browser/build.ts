// Knows: the build for browser tests: the page, and test pages built in the same way under the same policy.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Vitest calls this once before the browser tests. `RETORT_BUILT` means that `dist` is fresh. */
export default async function setup(): Promise<void> {
  // Vitest sets `test`, with which Vite builds for development: many times slower with hundreds of rows.
  const before = process.env['NODE_ENV']
  process.env['NODE_ENV'] = 'production'
  try {
    await buildAll()
  } finally {
    process.env['NODE_ENV'] = before
  }
}

async function buildAll(): Promise<void> {
  if (process.env['RETORT_BUILT'] === undefined || !existsSync(join(root, 'dist/index.html')))
    await build({ root, logLevel: 'warn' })
  const pages = join(root, 'tests/browser/pages')
  const input = readdirSync(pages)
    .filter((name) => name.endsWith('.html'))
    .map((name) => join(pages, name))
  if (input.length === 0) return
  await build({
    root: pages,
    configFile: join(root, 'vite.config.ts'),
    publicDir: false,
    logLevel: 'warn',
    build: {
      outDir: join(root, 'test-results/pages'),
      emptyOutDir: true,
      minify: false,
      rolldownOptions: { input },
    },
  })
}
