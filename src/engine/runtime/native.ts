// Knows: the same runtime outside of a browser: onnxruntime-node, which has the API of onnxruntime-web.
// Must not know: where that package is (the caller passes it: the page does not depend on it).
import { Queue } from './queue.ts'
import type { OrtModule } from './load-ort.ts'
import { makeSession } from './session.ts'
import type { Runtime } from './types.ts'

/**
 * A runtime on this machine's CPU. `ort` is the package onnxruntime-node; its sessions run the same graphs as
 * those of the page.
 */
export function openNativeRuntime(ort: OrtModule, threads: number): Runtime {
  const queue = new Queue()
  return {
    backend: 'native',
    threads,
    heapBytes: () => 0,
    open: (model, options = {}) =>
      queue.run(() => makeSession(ort, { backend: 'native', queue, threads }, model, options)),
  }
}
