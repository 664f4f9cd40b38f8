// Knows: a worker without a thread: a contract served over a real message channel, which can die like a worker.
import type { PortLike, Served } from '../../src/protocol/channel.ts'
import type { WorkerLike } from '../../src/protocol/supervised-worker.ts'
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

  /** Sends the page a message of the worker's own. */
  report(message: unknown): void {
    this.#channel.port2.postMessage(message)
  }
  /** Waits for the page's choice of a number of threads, as a worker does before it starts the runtime. */
  chooseThreads(): Promise<number | undefined> {
    return new Promise((resolve) => {
      const onMessage = ({ data }: { data: unknown }): void => {
        if (typeof data !== 'object' || data === null || !('retort' in data) || data.retort !== 'threads')
          return
        this.#channel.port2.removeEventListener('message', onMessage as never)
        resolve('count' in data && typeof data.count === 'number' ? data.count : undefined)
      }
      this.#channel.port2.addEventListener('message', onMessage as never)
      this.report({ retort: 'choose-threads' })
    })
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
