// Knows: how large the wasm heap of this realm is. onnxruntime-web keeps its memory to itself, so the constructor is
// watched: memories made after `watchHeap` are counted.

const memories: WeakRef<WebAssembly.Memory>[] = []
let watching = false

/** Begins to count the realm's wasm memories. Idempotent; call before the runtime is loaded. */
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

/** Bytes of the wasm memories that are alive; they grow and never shrink. */
export const heapBytes = (): number =>
  memories.reduce((sum, memory) => sum + (memory.deref()?.buffer.byteLength ?? 0), 0)
