// Knows: how the programs that write come onto this machine and are opened: ours and wllama each in a page of a browser of its own, native
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
import type { Opening, Order, Told, Writer } from './writer.ts'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const OUT = fileURLToPath(new URL('../../../test-results/bench-writers', import.meta.url))
const NATIVE = 'node-llama-cpp@3.22.1'
/** Where its makers have a binary for this machine: Linux and Windows under these names, macOS under its own. */
const BINARY = `@node-llama-cpp/${process.platform === 'darwin' ? (process.arch === 'arm64' ? 'mac-arm64-metal' : 'mac-x64') : `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`}@3.22.1`

export const NAMES = ['ours', 'wllama', 'native'] as const
export type Name = (typeof NAMES)[number]

/** A program with the model loaded, wherever it runs. */
export interface Program extends Writer {
  readonly name: Name
  /** Milliseconds that opening took. */
  readonly openedIn: number
  /** Processes that its memory is counted in. */
  processes(): Promise<readonly number[]>
  close(): Promise<void>
}

let installed: Promise<ReadonlySet<Name>> | undefined

/** Which are wanted, where the variable says so, such as `ours,native`: wllama takes ten minutes. */
const WANTED = process.env['BENCH_WRITERS']?.split(',')

/** Installs the others, says out loud what cannot be had, and gives what there is; once in a run. */
export const installWriters = (): Promise<ReadonlySet<Name>> => (installed ??= installAndBuild())

async function installAndBuild(): Promise<ReadonlySet<Name>> {
  const there = new Set<Name>(['ours'])
  const say = (name: string, why: string): void =>
    console.log(`${name} is not measured beside ours, ${why.split('\n').slice(0, 3).join(' ')}`)
  const wllama = await installPeers(FOLDER)
  if (wllama === undefined) there.add('wllama')
  else say('wllama', wllama)
  const native = await installPeers(FOLDER, NATIVE, BINARY)
  if (native === undefined) there.add('native')
  else say('node-llama-cpp', native)
  for (const name of NAMES) if (name !== 'ours' && WANTED?.includes(name) === false) there.delete(name)
  const inputs = [...there].filter((name) => name !== 'native').map((name) => join(FOLDER, `${name}.html`))
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
  return there
}

export const openProgram = (name: Name, opening: Opening): Promise<Program> =>
  name === 'native' ? openNative(opening) : openInPage(name, opening)

async function openInPage(name: Exclude<Name, 'native'>, opening: Opening): Promise<Program> {
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
    const about = await page.evaluate((how) => globalThis.benchOpen?.(how), opening)
    const openedIn = performance.now() - from
    const write = async (order: Order): Promise<Told> => {
      const told = await page.evaluate((asked) => globalThis.benchWriter?.write(asked), order)
      if (told === undefined) throw new Error(`The page of ${name} lost its program.`)
      return told
    }
    return { name, about: about ?? '', openedIn, write, processes: () => renderersOf(browser), close }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

type NativeAnswer = { readonly about: string } | { readonly told: Told } | { readonly broken: string }

async function openNative(opening: Opening): Promise<Program> {
  const child = fork(join(FOLDER, 'native.mjs'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  })
  const ask = (question: object): Promise<NativeAnswer> =>
    new Promise((resolve) => {
      const settle = (told: NativeAnswer): void => {
        child.off('message', settle)
        child.off('exit', died)
        resolve(told)
      }
      const died = (code: number | null): void =>
        settle({ broken: `its process ended with ${code ?? 'a signal'}` })
      child.on('message', settle)
      child.on('exit', died)
      child.send(question)
    })
  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect()
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve))
  }
  const sentenceOf = (told: NativeAnswer): string =>
    'broken' in told ? told.broken : 'it answered another question'
  const from = performance.now()
  const opened = await ask({ open: { ...opening, path: join(SHARED, 'models', opening.file) } })
  if (!('about' in opened)) {
    await close()
    throw new Error(sentenceOf(opened))
  }
  return {
    name: 'native',
    about: opened.about,
    openedIn: performance.now() - from,
    write: async (order) => {
      const told = await ask({ write: order })
      if (!('told' in told)) throw new Error(sentenceOf(told))
      return told.told
    },
    processes: async () => (child.pid === undefined ? [] : [child.pid]),
    close,
  }
}
