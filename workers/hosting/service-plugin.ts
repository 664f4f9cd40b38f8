// Knows: how the service worker is built, and the list of files that it caches.
// Must not know: what it does with them (workers/service.ts).
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { transformWithOxc, type Plugin } from 'vite'
import { headersOf, HOSTING_HEADERS } from './headers.ts'
import { STATUS_PATH } from './status-path.ts'

/** What the build passes to the service worker. */
export interface ServiceManifest {
  /** Hash of all files: a new build gets a new cache. */
  readonly version: string
  /** What the page needs to open; cached before the worker becomes active. */
  readonly shell: readonly string[]
  /** Wasm and its loaders, by variant; cached later, and only those that this browser can use. `onDemand`: cached at the first request. */
  readonly engines: Readonly<Record<string, readonly string[]>>
  /** Size of each file, by its path. */
  readonly bytes: Readonly<Record<string, number>>
  /** Path under which the worker reports how much is stored; no such file exists. */
  readonly statusPath: string
  readonly headers: Readonly<Record<string, string>>
  /** Files whose headers are others: the network worker's policy. */
  readonly ownHeaders: Readonly<Record<string, Readonly<Record<string, string>>>>
}

const ENGINE_FILE = /ort-wasm-simd-threaded(?:\.(\w+))?-[\w-]{8}\.(?:wasm|mjs)$/

/** The modules of src/engine/kernels, under the names that its build gives them. */
const KERNEL_FILE = /(?:^|\/)(?:probe|\w+-(?:shared|alone))-[\w-]{8}\.wasm$/

/** WebLLM's worker: six megabytes that only users of its models need. */
const ON_DEMAND_FILE = /(?:^|\/)web-llm-[\w-]{8}\.js$/

/** Sorts the files of a build (paths with `/`) into the shell and the engines' variants (`kernels`, `wasm`, `jspi`, `asyncify`, `onDemand`). */
export function makeManifest(files: readonly { path: string; bytes: Uint8Array }[]): ServiceManifest {
  const hash = createHash('sha256')
  const shell: string[] = []
  const engines: Record<string, string[]> = {}
  for (const { path, bytes } of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    hash.update(path).update('\0').update(bytes)
    const engine = ENGINE_FILE.exec(path)
    if (ON_DEMAND_FILE.test(path)) (engines['onDemand'] ??= []).push(path)
    else if (KERNEL_FILE.test(path)) (engines['kernels'] ??= []).push(path)
    else if (engine === null) shell.push(path)
    else (engines[engine[1] ?? 'wasm'] ??= []).push(path)
  }
  // A loader comes before its engine: if the host becomes unreachable in between, the files that are cached are usable.
  for (const own of Object.values(engines))
    own.sort((a, b) => Number(a.endsWith('.wasm')) - Number(b.endsWith('.wasm')))
  return {
    version: hash.digest('hex').slice(0, 16),
    shell,
    engines,
    bytes: Object.fromEntries(files.map(({ path, bytes }) => [path, bytes.length])),
    statusPath: STATUS_PATH,
    headers: HOSTING_HEADERS,
    ownHeaders: Object.fromEntries(
      files.map(({ path }) => [path, headersOf(path)] as const).filter(([, own]) => own !== HOSTING_HEADERS),
    ),
  }
}

function* walkFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walkFiles(path)
    else yield path
  }
}

/** Writes `service.js` next to `index.html` once the rest of the build is on disk. */
export function serviceWorker(source: string): Plugin {
  let outDir = 'dist'
  let isPage = false
  return {
    name: 'retort:service',
    apply: 'build',
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir)
      isPage = !config.isWorker && config.build.ssr === false
    },
    writeBundle: {
      order: 'post',
      sequential: true,
      async handler() {
        if (!isPage) return
        const files = [...walkFiles(outDir)]
          .map((path) => ({ path: relative(outDir, path).split(sep).join('/'), bytes: readFileSync(path) }))
          .filter(
            ({ path }) => path !== 'service.js' && !path.startsWith('models/') && !path.endsWith('.map'),
          )
        const transformed = await transformWithOxc(readFileSync(source, 'utf8'), source, { target: 'es2022' })
        const code = transformed.code.replace(/^export \{\s*\};?$/m, '')
        if (/^\s*(import|export)\b/m.test(code))
          throw new Error('workers/service.ts must stay one classic script: it may import types only.')
        writeFileSync(
          join(outDir, 'service.js'),
          code.replace(/\bSERVICE_MANIFEST\b/, () => JSON.stringify(makeManifest(files))),
        )
      },
    },
  }
}
