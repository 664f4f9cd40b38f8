// Knows: the functions of a compiled module of kernels, and how it is instantiated.
// Must not know: where modules come from (a host's files in the page, the compiler in tests).
import type { KernelHeap } from './heap.ts'
import type { Dot } from './layouts.ts'

/** The functions of a module; addresses are offsets into its memory (assembly/index.as). */
export interface KernelFunctions {
  /** Rows [n0, n1) in groups of eight of a product; `code` of layouts.ts. `ldx` and `ldc` in bytes; `scratch`: `unpackedBytes(K)` with EXACT. */
  multiply(
    code: number,
    weights: number,
    activations: number,
    out: number,
    n0: number,
    n1: number,
    rows: number,
    K: number,
    ldx: number,
    ldc: number,
    scratch: number,
  ): void
  roundRow(x: number, activations: number, row: number, blocks: number): void
  /** Runs a program alone. */
  run(program: number, operations: number, thread: number): void
  /** Runs a program with the helpers that serve. */
  lead(control: number, program: number, operations: number): void
  /** Serves as a helper until `dismiss` of its number or one below. */
  serve(control: number, thread: number): void
  dismiss(control: number, first: number): void
}

const NAMES = ['multiply', 'roundRow', 'run', 'lead', 'serve', 'dismiss'] as const

export interface Kernels {
  readonly dot: Dot
  readonly heap: KernelHeap
  readonly functions: KernelFunctions
  /** For helpers in other threads. */
  readonly module: WebAssembly.Module
}

/** The functions of a module over a memory. Throws a TypeError if it is not a module of kernels. */
export async function instantiateKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<KernelFunctions> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } })
  for (const name of NAMES)
    if (typeof exports[name] !== 'function') throw new TypeError(`the module has no function “${name}”`)
  return exports as unknown as KernelFunctions // checked above, as far as possible
}

export async function openKernels(module: WebAssembly.Module, dot: Dot, heap: KernelHeap): Promise<Kernels> {
  return { dot, heap, module, functions: await instantiateKernels(module, heap.memory) }
}
