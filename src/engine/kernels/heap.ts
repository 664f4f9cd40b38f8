// Knows: the memory that kernels compute in: how it is created, grows and is divided.
// Must not know: what is stored in it.
import { EngineError } from '../errors.ts'
import { roundUp } from './layouts.ts'

const PAGE = 65_536
/** Pages of 4 GiB. */
const MAX_PAGES = 65_536
/** Below this (256 MiB) no model runs: the browser's own error is better. */
const MIN_PAGES = 4096
/** The modules' constants are below (MEMORY_BASE of build/compile.ts). */
const HEAP_START = 4096
/** A cache line: what different threads write is never in the same one by accident. */
const ALIGNMENT = 64
/** Growing is done in steps of this many bytes, because every step is seen by all threads. */
const STEP = 16 * 2 ** 20

export class KernelHeap {
  readonly memory: WebAssembly.Memory
  readonly shared: boolean
  #end = HEAP_START
  /** What `reset` keeps, and how far memory was ever written. */
  #kept = HEAP_START
  #written = HEAP_START
  #bytes: Uint8Array
  #floats: Float32Array
  #integers: Int32Array

  /** `shared`: threads of other workers may use it. Throws EngineError `out-of-memory` if the browser grants none. */
  constructor(shared: boolean) {
    this.shared = shared
    this.memory = requestMemory(shared)
    this.#bytes = new Uint8Array(this.memory.buffer)
    this.#floats = new Float32Array(this.memory.buffer)
    this.#integers = new Int32Array(this.memory.buffer)
  }

  /** Views of the whole; each is valid until the next `allocate`. */
  get bytes(): Uint8Array {
    return this.#bytes
  }
  get floats(): Float32Array {
    return this.#floats
  }
  get integers(): Int32Array {
    return this.#integers
  }

  /** Bytes in use. */
  get used(): number {
    return this.#end
  }

  /** The address of `bytes` zero bytes, a multiple of 64. They are freed by `reset` only. Throws EngineError `out-of-memory`. */
  allocate(bytes: number): number {
    const from = this.#end
    const end = roundUp(from + bytes, ALIGNMENT)
    const missing = end - this.memory.buffer.byteLength
    if (missing > 0) this.#grow(missing)
    if (from < this.#written) this.#bytes.fill(0, from, Math.min(end, this.#written))
    this.#end = end
    return from
  }

  /** What is allocated now stays when the heap is reset. */
  keep(): void {
    this.#kept = this.#end
  }

  /** Frees everything that was allocated after `keep`. WebAssembly's memory never shrinks: the next model uses it. */
  reset(): void {
    this.#written = Math.max(this.#written, this.#end)
    this.#end = this.#kept
  }

  #grow(bytes: number): void {
    if (!this.#tryGrow(Math.max(bytes, STEP)) && !this.#tryGrow(bytes))
      throw new EngineError(
        'out-of-memory',
        `The model needs more than the ${(this.memory.buffer.byteLength / 2 ** 30).toFixed(1)} GiB that the browser gave WebAssembly. Choose a smaller model or a shorter context, or close other tabs.`,
      )
    this.#bytes = new Uint8Array(this.memory.buffer)
    this.#floats = new Float32Array(this.memory.buffer)
    this.#integers = new Int32Array(this.memory.buffer)
  }

  /** False if the browser grants no more. */
  #tryGrow(bytes: number): boolean {
    try {
      this.memory.grow(Math.ceil(bytes / PAGE))
      return true
    } catch {
      return false
    }
  }
}

/** A shared memory reserves its maximum at once, which phones refuse at 4 GiB: then half of it, and so on. */
function requestMemory(shared: boolean): WebAssembly.Memory {
  for (let maximum = MAX_PAGES; ; maximum = Math.floor(maximum / 2)) {
    try {
      return new WebAssembly.Memory({ initial: 1, maximum, shared })
    } catch (thrown) {
      if (maximum / 2 >= MIN_PAGES) continue
      throw new EngineError(
        'out-of-memory',
        'The browser gave WebAssembly no memory for the model. Close other tabs and try again.',
        { cause: thrown },
      )
    }
  }
}
