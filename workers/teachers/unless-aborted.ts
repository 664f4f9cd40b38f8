// Knows: how a caller that no longer waits gets an end at once, though what it waits for cannot be stopped: a read from a drive that is gone.

/** The work's result; rejects with an AbortError as soon as the signal aborts. What the work still does is dropped. */
export function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new DOMException('Stopped.', 'AbortError'))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
