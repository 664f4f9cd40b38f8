// Knows: how the programs whose decoding is compared are installed and opened: ours and wllama each in a page of its own browser, native
// llama.cpp in a process of its own. wllama and node-llama-cpp are no dependencies of this project.
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { ISOLATION_HEADERS } from '../../../workers/hosting/headers.ts'
import { openBrowser, SHARED } from '../../browser/launch.ts'
import { serveFolder } from '../../browser/serve.ts'
import { installPeers } from '../install.ts'
import { renderersOf } from '../process-memory.ts'
import type { OpenOptions, GenerationJob, GenerationResult, Writer } from './writer.ts'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const OUT = fileURLToPath(new URL('../../../test-results/bench-writers', import.meta.url))
const NATIVE = 'node-llama-cpp@3.22.1'
/** Its prebuilt binary for this machine, if there is one: Linux and Windows have these names, macOS its own. */
const BINARY = `@node-llama-cpp/${process.platform === 'darwin' ? (process.arch === 'arm64' ? 'mac-arm64-metal' : 'mac-x64') : `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`}@3.22.1`

export const NAMES = ['ours', 'wllama', 'native'] as const
export type Name = (typeof NAMES)[number]

/** A program with the model loaded. */
export interface Program extends Writer {
  readonly name: Name
  /** Milliseconds of opening. */
  readonly openedIn: number
  /** Processes whose memory is measured. */
  processes(): Promise<readonly number[]>
  close(): Promise<void>
}

let installed: Promise<ReadonlySet<Name>> | undefined

/** The programs to measure, such as `ours,native`; all if the variable is not set. wllama takes ten minutes. */
const WANTED = process.env['BENCH_WRITERS']?.split(',')

/** Installs the other programs, prints which are not available, and returns those that are; once per run. */
export const installWriters = (): Promise<ReadonlySet<Name>> => (installed ??= installAndBuild())

async function installAndBuild(): Promise<ReadonlySet<Name>> {
  const available = new Set<Name>(['ours'])
  const printSkipped = (name: string, reason: string): void =>
    console.log(`${name} is not measured: ${reason.split('\n').slice(0, 3).join(' ')}`)
  const wllama = await installPeers(FOLDER)
  if (wllama === undefined) available.add('wllama')
  else printSkipped('wllama', wllama)
  const native = await installPeers(FOLDER, NATIVE, BINARY)
  if (native === undefined) available.add('native')
  else printSkipped('node-llama-cpp', native)
  for (const name of NAMES) if (name !== 'ours' && WANTED?.includes(name) === false) available.delete(name)
  const inputs = [...available]
    .filter((name) => name !== 'native')
    .map((name) => join(FOLDER, `${name}.html`))
  await build({
    root: FOLDER,
    configFile: false,
    base: './',
    logLevel: 'error',
    resolve: {
      conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'],
    },
    worker: { format: 'es' },
    build: {
      target: 'es2023',
      outDir: OUT,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: { input: inputs },
    },
  })
  return available
}

export const openProgram = (name: Name, openOptions: OpenOptions): Promise<Program> =>
  name === 'native' ? openNative(openOptions) : openInPage(name, openOptions)

async function openInPage(name: Exclude<Name, 'native'>, openOptions: OpenOptions): Promise<Program> {
  const site = await serveFolder(OUT, { headers: ISOLATION_HEADERS, models: [join(SHARED, 'models')] })
  const browser = await openBrowser()
  const close = async (): Promise<void> => {
    await browser.close()
    await site.close()
  }
  try {
    const page = await browser.newPage()
    page.on('pageerror', (error) => console.error(error.message))
    await page.goto(`${site.url}${name}.html`)
    await page.waitForFunction(() => globalThis.benchOpen !== undefined)
    const from = performance.now()
    const about = await page.evaluate((options) => globalThis.benchOpen?.(options), openOptions)
    const openedIn = performance.now() - from
    const generate = async (job: GenerationJob): Promise<GenerationResult> => {
      const result = await page.evaluate((sent) => globalThis.benchWriter?.generate(sent), job)
      if (result === undefined) throw new Error(`The page of ${name} lost its program.`)
      return result
    }
    return { name, about: about ?? '', openedIn, generate, processes: () => renderersOf(browser), close }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

type NativeResponse =
  | { readonly about: string }
  | { readonly result: GenerationResult }
  | { readonly error: string }

async function openNative(openOptions: OpenOptions): Promise<Program> {
  const child = fork(join(FOLDER, 'native.mjs'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  })
  const send = (request: object): Promise<NativeResponse> =>
    new Promise((resolve) => {
      const settle = (response: NativeResponse): void => {
        child.off('message', settle)
        child.off('exit', died)
        resolve(response)
      }
      const died = (code: number | null): void =>
        settle({ error: `its process ended with ${code ?? 'a signal'}` })
      child.on('message', settle)
      child.on('exit', died)
      child.send(request)
    })
  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect()
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve))
  }
  const errorOf = (response: NativeResponse): string =>
    'error' in response ? response.error : 'it sent the response to another request'
  const from = performance.now()
  const opened = await send({ open: { ...openOptions, path: join(SHARED, 'models', openOptions.file) } })
  if (!('about' in opened)) {
    await close()
    throw new Error(errorOf(opened))
  }
  return {
    name: 'native',
    about: opened.about,
    openedIn: performance.now() - from,
    generate: async (job) => {
      const response = await send({ generate: job })
      if (!('result' in response)) throw new Error(errorOf(response))
      return response.result
    },
    processes: async () => (child.pid === undefined ? [] : [child.pid]),
    close,
  }
}
