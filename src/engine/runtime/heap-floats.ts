// Knows: numbers that live in the runtime's own heap, so that a run reads them where they are.
// Must not know: runs (heap-run.ts), what the numbers are.
import type { HeapModule } from './heap-module.ts'
import type { Floats } from './types.ts'

/** Buffers of heaps: one memory has a new one each time it grew, and the old ones still show it from its beginning. */
const heaps = new WeakSet<object>()

/** Numbers in the heap, not cleared. Throws a RangeError where the heap is full. */
export function reserveInHeap(module: HeapModule, count: number): Floats {
  const address = count === 0 ? 0 : module.allocate(count * 4)
  if (address === 0 && count > 0)
    throw new RangeError(`The memory of wasm has no room for ${count} numbers more: out of memory.`)
  const { buffer } = module
  heaps.add(buffer)
  let held = count > 0
  return {
    data: new Float32Array(buffer, address, count),
    free: () => {
      if (held) module.free(address)
      held = false
    },
  }
}

/** Where data lies in the heap; undefined where it lies elsewhere and must be copied. */
export const addressInHeap = (data: ArrayBufferView): number | undefined =>
  heaps.has(data.buffer) ? data.byteOffset : undefined

/** Numbers in JavaScript's memory: where there is no heap to put them into. */
export const reserveInJs = (count: number): Floats => ({
  data: new Float32Array(count),
  free: () => undefined,
})
