// Knows: the same runtime outside of a browser: onnxruntime-node, which speaks as onnxruntime-web does.
// Must not know: where that package lies (the caller brings it: it is no dependency of the page).
import { Line } from './line.ts'
import type { OrtModule } from './load-ort.ts'
import { makeSession } from './session.ts'
import type { Runtime } from './types.ts'

/** A runtime on this machine's processor. `ort` is the package onnxruntime-node; its sessions take the graphs that the page's take. */
export function openNativeRuntime(ort: OrtModule, threads: number): Runtime {
  const line = new Line()
  return {
    backend: 'native',
    threads,
    heapBytes: () => 0,
    open: (model, options = {}) =>
      line.run(() => makeSession(ort, { backend: 'native', line, threads }, model, options)),
  }
}
