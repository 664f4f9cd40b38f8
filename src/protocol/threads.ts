// Knows: the contract of the worker that measures one number of threads: the runtime's number cannot be changed once it has started.
import type { ThreadRate } from '../domain/measured-threads.ts'
import type { Method } from './contract.ts'

export interface ThreadsContract {
  /** Starts the runtime with this number of threads and measures it for a fifth of a second. The response has the number that runs. */
  measure: Method<{ readonly threads: number }, ThreadRate>
}
