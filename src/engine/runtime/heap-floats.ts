// Knows: float arrays in the runtime's own heap, which a run reads without a copy.
// Must not know: runs (heap-run.ts), what the floats mean.
import type { HeapModule } from './heap-module.ts'
import type { Floats } from './types.ts'

/** Buffers of heaps: a memory gets a new buffer each time it grows, and old buffers still show its start. */
const heaps = new WeakSet<object>()

/** Allocates floats in the heap, uninitialised. Throws a RangeError if the heap is full. */
export function reserveInHeap(module: HeapModule, count: number): Floats {
  const address = count === 0 ? 0 : module.allocate(count * 4)
  if (address === 0 && count > 0)
    throw new RangeError(`The wasm heap has no room for ${count} more numbers: out of memory.`)
  const { buffer } = module
  heaps.add(buffer)
  let allocated = count > 0
  return {
    data: new Float32Array(buffer, address, count),
    free: () => {
      if (allocated) module.free(address)
      allocated = false
    },
  }
}

/** Address of data in the heap; undefined if it is stored elsewhere and must be copied. */
export const addressInHeap = (data: ArrayBufferView): number | undefined =>
  heaps.has(data.buffer) ? data.byteOffset : undefined

/** Allocates floats in JavaScript's memory: for runtimes without a heap. */
export const reserveInJs = (count: number): Floats => ({
  data: new Float32Array(count),
  free: () => undefined,
})
