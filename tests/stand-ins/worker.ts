// Knows: a worker without a thread: a contract served over a real message channel, which can die like a worker.
import type { PortLike, Served, WorkerLike } from '../../src/protocol/channel.ts'
import { serve } from '../../src/protocol/channel.ts'

export class WorkerStandIn<C> implements WorkerLike {
  readonly #channel = new MessageChannel()
  readonly #errorListeners = new Set<(event: Event) => void>()
  readonly #stop: () => void
  ended = false

  constructor(implementation: Served<C>) {
    this.#stop = serve<C>(implementation, this.#channel.port2 as unknown as PortLike) // Node types its ports apart from the DOM's
  }

  /** As a script that throws: the page gets an `error` event and nothing more. */
  breakDown(message: string): void {
    this.terminate()
    for (const listener of this.#errorListeners) listener(Object.assign(new Event('error'), { message }))
  }

  postMessage(message: unknown, transfer: Transferable[]): void {
    this.#channel.port1.postMessage(message, transfer)
  }
  addEventListener(type: string, listener: (event: Event) => void): void {
    if (type === 'error') this.#errorListeners.add(listener)
    else this.#channel.port1.addEventListener(type, listener)
  }
  removeEventListener(type: string, listener: (event: Event) => void): void {
    if (type === 'error') this.#errorListeners.delete(listener)
    else this.#channel.port1.removeEventListener(type, listener)
  }
  start(): void {
    this.#channel.port1.start()
  }
  terminate(): void {
    if (this.ended) return
    this.ended = true
    this.#stop()
    this.#channel.port1.close()
    this.#channel.port2.close()
  }
}
