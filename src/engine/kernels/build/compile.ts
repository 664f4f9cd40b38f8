// Knows: how the kernels are compiled: the assembly files, what is generated for one way to multiply, and the compiler's settings.
// Must not know: where the modules are stored (modules.ts).
import { main } from 'assemblyscript/asc'
import { readFileSync } from 'node:fs'
import type { Dot } from '../layouts.ts'
import { writeAttentionTiles } from './attention-tiles.ts'
import { writeConstants } from './constants.ts'
import { writeProducts } from './products.ts'

const ASSEMBLY = new URL('../assembly/', import.meta.url)

/** Static data begins here; the heap begins after it, at HEAP_START of heap.ts. */
const MEMORY_BASE = 1024

/**
 * Binaryen must not optimise: it nests sums that are used once, which makes one long chain of the independent chains of a tile, and
 * costs a third of the speed. Browsers optimise on their own.
 */
const SETTINGS = [
  '--runtime',
  'stub',
  '--noAssert',
  '--optimizeLevel',
  '0',
  '--importMemory',
  '--memoryBase',
  `${MEMORY_BASE}`,
]
/** Pages of 64 KiB: the most that a 32-bit memory has. The host may give less. */
const SHARED = ['--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536']

/** The text of an assembly file (without its ending), written by hand or generated. */
function readAssembly(name: string, dot: Dot, emulates: boolean): string | null {
  if (name === 'constants') return writeConstants(dot)
  if (name === 'products') return emulates ? withoutRelaxed(writeProducts(dot), dot) : writeProducts(dot)
  if (name === 'attention-tiles') return writeAttentionTiles()
  try {
    return readFileSync(new URL(`${name}.as`, ASSEMBLY), 'utf8')
  } catch {
    return null // the compiler looks in its own library then
  }
}

/** The same products in plain instructions, as slow as may be. */
const withoutRelaxed = (products: string, dot: Dot): string =>
  `import { dotPairs, dotSigned, dotUnsigned } from './relaxed'\n${products
    .replaceAll('i32x4.relaxed_dot_i8x16_i7x16_add_s', dot === 'signed' ? 'dotSigned' : 'dotUnsigned')
    .replaceAll('i16x8.relaxed_dot_i8x16_i7x16_s', 'dotPairs')}`

/** The module that finds out how an engine multiplies (assembly/probe.as). */
export const compileProbe = (): Promise<Uint8Array> =>
  compile('probe', 'unsigned', ['--runtime', 'stub', '--noExportMemory', '--enable', 'simd,relaxed-simd'])

/**
 * A module for one way to multiply, for memory that threads share or not. Throws an Error with the compiler's report. The compiler wants
 * files that end with .ts; ours end with .as, because they are not TypeScript: its checkers must not read them. `emulates`: relaxed
 * instructions are replaced by plain ones that do the same, for engines without them.
 */
export function compileKernels(
  dot: Dot,
  shared: boolean,
  { emulates = false }: { readonly emulates?: boolean } = {},
): Promise<Uint8Array> {
  const features = [
    'simd',
    ...(dot === 'plain' || emulates ? [] : ['relaxed-simd']),
    ...(shared ? ['threads'] : []),
  ]
  return compile(
    'index',
    dot,
    [...SETTINGS, ...(shared ? SHARED : []), '--enable', features.join(',')],
    emulates,
  )
}

async function compile(
  entry: string,
  dot: Dot,
  settings: readonly string[],
  emulates = false,
): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined
  const { error, stderr } = await main([`${entry}.ts`, '--outFile', `${entry}.wasm`, ...settings], {
    readFile: (name) => readAssembly(name.replace(/^\.\//, '').replace(/\.ts$/, ''), dot, emulates),
    writeFile: (_name, contents) => {
      if (typeof contents !== 'string') wasm = contents
    },
    listFiles: () => [],
  })
  if (error !== null || wasm === undefined)
    throw new Error(
      `The kernels could not be compiled: ${error?.message ?? 'no module'}\n${stderr.toString()}`,
    )
  return wasm
}
