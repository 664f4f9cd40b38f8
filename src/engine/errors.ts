// Knows: the kinds of engine errors. Workers turn these into the program's named errors.

export type EngineErrorKind =
  | 'out-of-memory'
  | 'device-lost'
  | 'no-webgpu'
  | 'refused'
  /** The runtime's own files could not be fetched. */
  | 'unreachable'
  | 'broken'

/** The machine failed, or a model cannot run here; `message` is a sentence for people. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly kind: EngineErrorKind
  constructor(kind: EngineErrorKind, sentence: string, options?: { cause?: unknown }) {
    super(sentence, options)
    this.kind = kind
  }
}

/** Classifies what onnxruntime throws by its message, because it has no error codes. */
export function engineErrorOf(thrown: unknown, doing: string): EngineError {
  if (thrown instanceof EngineError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const cause = { cause: thrown }
  if (
    /out of memory|bad_alloc|memory access out of bounds|Array buffer allocation failed|Cannot enlarge memory|allocat.*fail|fail.*allocat/i.test(
      message,
    )
  )
    return new EngineError(
      'out-of-memory',
      `The memory ran out while ${doing}. Choose a smaller model or a shorter context, or close other tabs.`,
      cause,
    )
  if (/device.{0,20}(lost|destroyed|removed)|lost.{0,10}device/i.test(message))
    return new EngineError(
      'device-lost',
      `The graphics card was lost while ${doing}. Load the model again; if it happens again, choose the processor.`,
      cause,
    )
  if (/disable_cpu_ep_fallback|fallback to CPU EP/i.test(message))
    return new EngineError('refused', 'Part of this model has no WebGPU kernel. Choose the processor.', cause)
  // The three browsers' words for a module or a wasm file that could not be fetched.
  if (
    /dynamically imported module|importing a module script failed|fetching of the wasm failed|failed to fetch|networkerror|failed to load '|load failed/i.test(
      message,
    )
  )
    return new EngineError(
      'unreachable',
      'The engine could not be fetched from this page’s host, and is not stored in this browser. Connect to the network and try again.',
      cause,
    )
  return new EngineError('broken', `The runtime failed while ${doing}: ${message.slice(0, 300)}`, cause)
}
