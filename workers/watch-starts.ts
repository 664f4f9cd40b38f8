// Knows: that the page watches the starts of the runtime in its workers and chooses their number of threads; and that a thread that does not
// load is created again.
import { watchStarts } from '../src/engine/runtime/start.ts'
import { retryingWorker } from '../src/protocol/retrying-worker.ts'
import { pageStarts } from '../src/protocol/start.ts'

/** Lets the page take part in every start of this worker. */
export function watchStartsFromPage(): void {
  watchStarts(pageStarts())
  // The runtime creates its threads by the realm's own class.
  if ('Worker' in globalThis)
    globalThis.Worker = retryingWorker(globalThis.Worker, () =>
      console.warn('A thread did not start and was created again.'),
    )
}
