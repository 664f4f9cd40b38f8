// Knows: how a test in Node gets a module of kernels: compiled from the sources, once per file of tests.
import { compileKernels } from '../../../src/engine/kernels/build/compile.ts'
import { KernelHeap } from '../../../src/engine/kernels/heap.ts'
import type { Dot } from '../../../src/engine/kernels/layouts.ts'
import { openKernels, type Kernels } from '../../../src/engine/kernels/module.ts'

const compiled = new Map<string, Promise<WebAssembly.Module>>()

/** Relaxed instructions are emulated by plain ones. */
export function compileOnce(dot: Dot, shared: boolean): Promise<WebAssembly.Module> {
  const key = `${dot} ${shared}`
  const known =
    compiled.get(key) ??
    compileKernels(dot, shared, { emulates: true }).then((bytes) => WebAssembly.compile(bytes.slice()))
  compiled.set(key, known)
  return known
}

/** Kernels over a heap of their own. Node 20 has no relaxed instructions: they are emulated. */
export const openTestKernels = async (dot: Dot = 'plain', shared = false): Promise<Kernels> =>
  openKernels(await compileOnce(dot, shared), dot, new KernelHeap(shared))
