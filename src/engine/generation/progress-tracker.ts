// Knows: how a long computation stays responsive: it handles messages between runs and reports its progress.
import type { GenerationProgress } from './requests.ts'

const waiting: (() => void)[] = []
let channel: MessageChannel | undefined

function postToSelf(resolve: () => void): void {
  if (channel === undefined) {
    channel = new MessageChannel()
    channel.port1.addEventListener('message', () => waiting.shift()?.())
    channel.port1.start()
  }
  waiting.push(resolve)
  channel.port2.postMessage(null)
}

/**
 * Lets the realm handle pending events. A message to itself takes microseconds, a timer milliseconds; Node has
 * `setImmediate` for this, and an open channel would keep its process alive.
 */
export const yieldToEventLoop = (): Promise<void> =>
  new Promise((resolve) => {
    if ('setImmediate' in globalThis && typeof globalThis.setImmediate === 'function')
      globalThis.setImmediate(resolve)
    else postToSelf(resolve)
  })

const REPORT_EVERY_MS = 100

/** Counts the tokens of a call and reports them, at most ten times a second. */
export class ProgressTracker {
  promptTokens = 0
  sharedTokens = 0
  newTokens = 0
  readonly #startedAt = performance.now()
  readonly #report: ((progress: GenerationProgress) => void) | undefined
  #reportedAt = 0

  constructor(report: ((progress: GenerationProgress) => void) | undefined) {
    this.#report = report
  }

  get progress(): GenerationProgress {
    const { promptTokens, sharedTokens, newTokens } = this
    return { promptTokens, sharedTokens, newTokens, ms: performance.now() - this.#startedAt }
  }

  /** Between two runs: reports progress and handles messages. Throws an AbortError once the signal is aborted. */
  async tick(signal: AbortSignal | undefined): Promise<void> {
    const now = performance.now()
    if (now - this.#reportedAt >= REPORT_EVERY_MS) {
      this.#reportedAt = now
      this.#report?.(this.progress)
    }
    await yieldToEventLoop()
    signal?.throwIfAborted()
  }
}
