// Knows: a worker without a thread: a contract served over a real message channel, which can break down like one.
import type { PortLike, Served, WorkerLike } from '../../src/protocol/channel.ts'
import { serve } from '../../src/protocol/channel.ts'

export class WorkerStandIn<C> implements WorkerLike {
  readonly #channel = new MessageChannel()
  readonly #breakDown = new Set<(event: Event) => void>()
  readonly #stop: () => void
  ended = false

  constructor(implementation: Served<C>) {
    this.#stop = serve<C>(implementation, this.#channel.port2 as unknown as PortLike) // Node types its ports apart from the DOM's
  }

  /** As a script that throws: the page hears an `error` event and nothing more. */
  breakDown(message: string): void {
    this.terminate()
    for (const listener of this.#breakDown) listener(Object.assign(new Event('error'), { message }))
  }

  postMessage(message: unknown, transfer: Transferable[]): void {
    this.#channel.port1.postMessage(message, transfer)
  }
  addEventListener(type: string, listener: (event: Event) => void): void {
    if (type === 'error') this.#breakDown.add(listener)
    else this.#channel.port1.addEventListener(type, listener)
  }
  removeEventListener(type: string, listener: (event: Event) => void): void {
    if (type === 'error') this.#breakDown.delete(listener)
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
