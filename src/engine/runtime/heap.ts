// Knows: the size of this realm's wasm heap. onnxruntime-web does not expose its memory, so the constructor is
// wrapped: memories created after `watchHeap` are counted, and smaller where the browser refuses the size requested.

const memories: WeakRef<WebAssembly.Memory>[] = []
const PAGE_BYTES = 65_536
/** Max pages of a 32-bit memory: 4 GiB. */
const MAX_PAGES = 65_536
/** Below this (256 MiB) no model runs: the browser's own error is better. */
const MIN_PAGES = 4096
let grantedPages = MAX_PAGES
let watching = false

/** Starts counting the realm's wasm memories. Idempotent; call before the runtime is loaded. */
export function watchHeap(): void {
  if (watching) return
  watching = true
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct(target, [descriptor]: [WebAssembly.MemoryDescriptor]) {
      const memory = allocate(target, descriptor)
      memories.push(new WeakRef(memory))
      return memory
    },
  })
}

/**
 * A memory of the requested maximum, or of half of it, and so on: a shared memory reserves its maximum at once, and phones refuse 4 GiB
 * with a RangeError. The runtime accepts a smaller maximum than it requests.
 */
function allocate(
  Memory: typeof WebAssembly.Memory,
  descriptor: WebAssembly.MemoryDescriptor,
): WebAssembly.Memory {
  const { initial, maximum } = descriptor
  for (let pages = maximum; ; pages = Math.floor((pages ?? 0) / 2)) {
    try {
      const memory = new Memory(pages === undefined ? descriptor : { ...descriptor, maximum: pages })
      if (pages !== undefined && pages > 0) grantedPages = Math.min(grantedPages, pages)
      return memory
    } catch (thrown) {
      const isTooSmall = pages === undefined || Math.floor(pages / 2) < Math.max(MIN_PAGES, initial)
      if (!(thrown instanceof RangeError) || isTooSmall) throw thrown
    }
  }
}

/** Bytes that the realm's wasm memory may grow to, as granted by the browser; 4 GiB until one was requested. */
export const heapLimit = (): number => grantedPages * PAGE_BYTES

/** Bytes of the live wasm memories; they grow and never shrink. */
export const heapBytes = (): number =>
  memories.reduce((sum, memory) => sum + (memory.deref()?.buffer.byteLength ?? 0), 0)
