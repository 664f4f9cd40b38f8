// Knows: that the page watches the starts of the runtime in its workers and chooses their number of threads.
import { watchStarts } from '../src/engine/runtime/start.ts'
import { pageStarts } from '../src/protocol/start.ts'

/** Lets the page take part in every start of this worker. */
export const watchStartsFromPage = (): void => watchStarts(pageStarts())
