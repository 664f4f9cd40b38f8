// Knows: where a page has the compiled modules: files that the bundler named.
import { EngineError, engineErrorOf } from '../errors.ts'
import { whileHeard } from '../runtime/while-heard.ts'
import type { LoadModule, ModuleName } from './choose.ts'

const ADDRESSES: Readonly<Record<ModuleName, () => Promise<{ readonly default: string }>>> = {
  probe: () => import('./modules/probe.wasm?url'),
  'unsigned-shared': () => import('./modules/unsigned-shared.wasm?url'),
  'unsigned-alone': () => import('./modules/unsigned-alone.wasm?url'),
  'signed-shared': () => import('./modules/signed-shared.wasm?url'),
  'signed-alone': () => import('./modules/signed-alone.wasm?url'),
  'pairs-shared': () => import('./modules/pairs-shared.wasm?url'),
  'pairs-alone': () => import('./modules/pairs-alone.wasm?url'),
  'plain-shared': () => import('./modules/plain-shared.wasm?url'),
  'plain-alone': () => import('./modules/plain-alone.wasm?url'),
}

/** Milliseconds without a byte after which a download is given up. */
const SILENCE_LIMIT = 30_000

/** Fetches and compiles a module. Throws EngineError `unreachable`, and a CompileError if this engine does not know its instructions. */
export const loadPageModule: LoadModule = async (name) => {
  const bytes = await whileHeard(SILENCE_LIMIT, async (_heard, signal) => {
    try {
      const { default: address } = await ADDRESSES[name]()
      const response = await fetch(new URL(address, globalThis.location.href), { signal })
      if (!response.ok)
        throw new EngineError('unreachable', `The file ${name}.wasm is not on this page’s host.`)
      return await response.arrayBuffer()
    } catch (thrown) {
      throw engineErrorOf(thrown, 'loading the kernels')
    }
  })
  return WebAssembly.compile(bytes)
}
