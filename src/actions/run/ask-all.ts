// Knows: how many requests are brought through the teacher: pauses, stops, rows that never come, and machines that break.
// Must not know: what the requests ask.
import { isAbort, RetortError } from '../../protocol/errors.ts'
import type { RunControl } from '../control.ts'
import type { RowWriter } from './row-writer.ts'

interface Named {
  readonly id: string
}

export interface Asking<Request extends Named, Result extends Named> {
  readonly control: RunControl
  readonly requests: readonly Request[]
  /** One call of the teacher; tells each result as it ends, unfinished ones left out. */
  readonly call: (
    requests: readonly Request[],
    signal: AbortSignal,
    onResult: (result: Result) => void,
  ) => Promise<void>
  /** A result has ended. */
  readonly take: (result: Result) => void
  /** One row that cannot be had, with the reason; the others go on. */
  readonly giveUp: (request: Request, why: string) => void
  /** Ends the present call for a reason of the caller's own (a failed write), which the caller then throws. */
  readonly failed?: AbortSignal
}

/** Rows that may fail alone, with no other succeeding, before the machine is taken to be broken and not the rows. */
const LONE_FAILURES = 2

/**
 * Asks until every request has its result or was given up; false when stopped (or `failed`) before. A pause ends the present
 * call, and what was unfinished is asked anew after it. Throws what breaks the machine (a dead worker, a lost device, …).
 */
export async function askAll<Request extends Named, Result extends Named>({
  control,
  requests,
  call,
  take,
  giveUp,
  failed,
}: Asking<Request, Result>): Promise<boolean> {
  const missing = new Map(requests.map((request) => [request.id, request]))
  const ends = (signal: AbortSignal): AbortSignal => (failed ? AbortSignal.any([signal, failed]) : signal)
  const failures: [Request, string][] = []
  let together = missing.size
  let taken = 0
  while (missing.size > 0) {
    await control.whenGoing()
    if (control.stopped || failed?.aborted) return false
    const signal = ends(control.signal)
    const asked = [...missing.values()].slice(0, together)
    let why = 'the teacher gave no answer'
    try {
      await call(asked, signal, (result) => {
        if (!missing.delete(result.id)) return // told twice, or never asked
        taken += 1
        take(result)
      })
    } catch (thrown) {
      if (isAbort(thrown) && signal.aborted) continue
      // A named error is about the machine; a stranger may be about one row, which is found by asking ever fewer together.
      if (thrown instanceof RetortError && thrown.name !== 'Unexpected') throw thrown
      why = thrown instanceof Error ? thrown.message : String(thrown)
    }
    if (signal.aborted) continue
    const left = asked.filter(({ id }) => missing.has(id))
    const [lone] = left
    if (!lone) {
      together *= 2
    } else if (asked.length > 1) {
      together = Math.max(1, Math.floor(left.length / 2))
    } else {
      missing.delete(lone.id)
      failures.push([lone, why])
      if (taken === 0 && failures.length > LONE_FAILURES)
        throw new RetortError('Unexpected', `The teacher fails on every row: ${why}`)
    }
  }
  for (const [request, why] of failures) giveUp(request, why)
  return true
}

/**
 * Asks, and stores what came whatever ends it: a row that still waited to be written when the machine broke would come behind the rows of
 * whoever goes on with the run, and undo what they found out.
 */
export async function askAndStore<Request extends Named, Result extends Named>(
  writer: RowWriter,
  asking: Omit<Asking<Request, Result>, 'failed'>,
): Promise<boolean> {
  try {
    return await askAll({ ...asking, failed: writer.failed })
  } finally {
    await writer.drain()
  }
}
