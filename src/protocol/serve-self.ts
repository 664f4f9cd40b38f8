// Knows: that a dedicated worker's global scope is its port.
import { serve, type PortLike, type Served } from './channel.ts'
import type { FromStart } from './start.ts'

/** Serves a contract to the page that started this worker, and reports that it does. */
export function serveSelf<C>(implementation: Served<C>): void {
  const port: PortLike = {
    postMessage: (message, transfer) => globalThis.postMessage(message, { transfer }),
    addEventListener: (type, listener) => globalThis.addEventListener(type, listener),
    removeEventListener: (type, listener) => globalThis.removeEventListener(type, listener),
  }
  serve<C>(implementation, port)
  port.postMessage({ retort: 'ready' } satisfies FromStart, [])
}
