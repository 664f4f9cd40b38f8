// Knows: how a worker that computes lets messages in: an abort or a pause is heard between two steps.

/** Comes back after the messages that wait. A message channel, because timers wait 4 ms or, in the background, a second. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    const hear = (): void => {
      port1.close()
      resolve()
    }
    port1.addEventListener('message', hear, { once: true })
    port1.start()
    port2.postMessage(null)
  })
}
