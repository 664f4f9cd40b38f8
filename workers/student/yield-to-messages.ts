// Knows: how a busy worker yields to its event loop, so that an abort or a pause arrives between two steps.

/** Resolves after all queued messages were handled. Uses a message channel, because timers wait 4 ms or, in the background, a second. */
export function yieldToMessages(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    const onMessage = (): void => {
      port1.close()
      resolve()
    }
    port1.addEventListener('message', onMessage, { once: true })
    port1.start()
    port2.postMessage(null)
  })
}
