// Knows: the size of this realm's wasm heap. onnxruntime-web does not expose its memory, so the constructor is
// wrapped: memories created after `watchHeap` are counted.

const memories: WeakRef<WebAssembly.Memory>[] = []
let watching = false

/** Starts counting the realm's wasm memories. Idempotent; call before the runtime is loaded. */
export function watchHeap(): void {
  if (watching) return
  watching = true
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct(target, [descriptor]: [WebAssembly.MemoryDescriptor]) {
      const memory = new target(descriptor)
      memories.push(new WeakRef(memory))
      return memory
    },
  })
}

/** Bytes of the live wasm memories; they grow and never shrink. */
export const heapBytes = (): number =>
  memories.reduce((sum, memory) => sum + (memory.deref()?.buffer.byteLength ?? 0), 0)
