// Knows: the compiled modules as files next to the sources, which the page's build takes as assets; they are written again when a source
// changed, and git ignores them.
// Must not know: how they are compiled (compile.ts), who serves them.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { DOTS } from '../layouts.ts'
import { compileKernels, compileProbe } from './compile.ts'

const KERNELS = new URL('../', import.meta.url)
const MODULES = new URL('modules/', KERNELS)
const STAMP = new URL('sources.sha256', MODULES)

/** The hash of everything that a module is made of. */
function hashSources(): string {
  const hash = createHash('sha256')
  const files = ['assembly/', 'build/'].flatMap((folder) =>
    readdirSync(new URL(folder, KERNELS))
      .toSorted()
      .map((name) => folder + name),
  )
  for (const name of [...files, 'layouts.ts'])
    hash
      .update(name)
      .update('\0')
      .update(readFileSync(new URL(name, KERNELS)))
  const compiler = readFileSync(
    new URL('../../../../node_modules/assemblyscript/package.json', import.meta.url),
  )
  return hash.update(compiler).digest('hex')
}

/** Compiles the modules that the sources do not match; two processes may do so at the same time. */
export async function writeModules(): Promise<void> {
  const hash = hashSources()
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) return
  mkdirSync(MODULES, { recursive: true })
  const write = (name: string, contents: Uint8Array | string): void => {
    const draft = new URL(`${name}.${process.pid}`, MODULES)
    writeFileSync(draft, contents)
    renameSync(draft, new URL(name, MODULES))
  }
  write('probe.wasm', await compileProbe())
  for (const dot of DOTS)
    for (const shared of [false, true])
      write(`${dot}-${shared ? 'shared' : 'alone'}.wasm`, await compileKernels(dot, shared))
  write('sources.sha256', hash)
}
