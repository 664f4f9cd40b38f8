// Knows: how a long computation lets others speak: messages are heard between runs, progress is told now and then.
import type { Progress } from './requests.ts'

const waiting: (() => void)[] = []
let channel: MessageChannel | undefined

function postToOneself(resolve: () => void): void {
  if (channel === undefined) {
    channel = new MessageChannel()
    channel.port1.addEventListener('message', () => waiting.shift()?.())
    channel.port1.start()
  }
  waiting.push(resolve)
  channel.port2.postMessage(null)
}

/**
 * Lets the realm handle what waits. A message to oneself costs microseconds, a timer would cost milliseconds; Node has
 * `setImmediate` for this, and an open channel would keep its process alive.
 */
export const giveWay = (): Promise<void> =>
  new Promise((resolve) => {
    if ('setImmediate' in globalThis && typeof globalThis.setImmediate === 'function')
      globalThis.setImmediate(resolve)
    else postToOneself(resolve)
  })

const TELL_EVERY_MS = 100

/** Counts the tokens of a call and tells them, at most ten times a second. */
export class Pace {
  promptTokens = 0
  sharedTokens = 0
  newTokens = 0
  readonly #startedAt = performance.now()
  readonly #tell: ((progress: Progress) => void) | undefined
  #toldAt = 0

  constructor(tell: ((progress: Progress) => void) | undefined) {
    this.#tell = tell
  }

  get progress(): Progress {
    const { promptTokens, sharedTokens, newTokens } = this
    return { promptTokens, sharedTokens, newTokens, ms: performance.now() - this.#startedAt }
  }

  /** Between two runs: tells where things stand and lets messages in. Throws an AbortError once the signal is aborted. */
  async tick(signal: AbortSignal | undefined): Promise<void> {
    const now = performance.now()
    if (now - this.#toldAt >= TELL_EVERY_MS) {
      this.#toldAt = now
      this.#tell?.(this.progress)
    }
    await giveWay()
    signal?.throwIfAborted()
  }
}
