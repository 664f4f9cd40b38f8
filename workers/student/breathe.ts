// Knows: how a worker that computes lets messages in: an abort or a pause is heard between two steps.

/** Comes back after the messages that wait. A message channel, because timers wait 4 ms or, in the background, a second. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
