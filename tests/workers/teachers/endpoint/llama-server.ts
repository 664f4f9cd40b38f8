// Knows: where a real llama.cpp server is found, and how it is started with the shared model. Without either, the tests are skipped with a warning.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** `RETORT_LLAMA_MODEL` serves another file of the same model, such as one in floats. */
const MODEL =
  process.env['RETORT_LLAMA_MODEL'] ??
  fileURLToPath(new URL('../../../../../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf', import.meta.url))

/** `RETORT_LLAMA_SERVER`, else `llama-server` on the PATH. */
function findServer(): string | undefined {
  const named = process.env['RETORT_LLAMA_SERVER']
  if (named !== undefined && named !== '') return existsSync(named) ? named : undefined
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'llama-server'))
    .find((path) => existsSync(path))
}

const path = findServer()
export const canServe = path !== undefined && existsSync(MODEL)
export const whyNotServed = canServe
  ? ''
  : ` (SKIPPED: ${path === undefined ? 'no llama-server on the PATH or in RETORT_LLAMA_SERVER' : '../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf is missing'})`
if (!canServe) console.warn(`The tests with a real llama.cpp server are skipped:${whyNotServed}`)

export interface RunningServer {
  /** Ends in `/v1`. */
  readonly url: string
  stop(): Promise<void>
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo // a listening TCP server has one
      server.close(() => resolve(port))
    })
  })

/** Starts it with four slots of 2,048 tokens, named `smollm2`; `key`: the key that it requires. */
export async function startLlamaServer({ key }: { key?: string } = {}): Promise<RunningServer> {
  if (path === undefined) throw new Error(whyNotServed)
  const port = await freePort()
  const args = [
    '-m',
    MODEL,
    '--host',
    '127.0.0.1',
    '--port',
    `${port}`,
    '-np',
    '4',
    '-c',
    '8192',
    '-ngl',
    '0',
    '-t',
    '2',
    '--alias',
    'smollm2',
    ...(key === undefined ? [] : ['--api-key', key]),
  ]
  // Builds that are distributed as a folder have their libraries next to them.
  const child = spawn(path, args, {
    stdio: 'ignore',
    env: {
      ...process.env,
      LD_LIBRARY_PATH: [dirname(path), process.env['LD_LIBRARY_PATH'] ?? ''].join(delimiter),
    },
  })
  const state = { exited: false }
  child.on('exit', () => (state.exited = true))
  const url = `http://127.0.0.1:${port}`
  for (let i = 0; ; i++) {
    if (state.exited || i > 600) throw new Error(`llama-server did not start: ${path} ${args.join(' ')}`)
    if ((await fetch(`${url}/health`).catch(() => undefined))?.ok) break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { url: `${url}/v1`, stop: () => stopChild(child, state) }
}

async function stopChild(child: ChildProcess, state: { exited: boolean }): Promise<void> {
  if (state.exited) return
  const ended = new Promise((resolve) => child.on('exit', resolve))
  child.kill()
  await ended
}
