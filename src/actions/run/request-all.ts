// Knows: how all requests of a list get a result from a model: pauses, stops, rows without a result, and machine errors.
// Must not know: what the requests contain.
import { isAbort, RetortError } from '../../protocol/errors.ts'
import type { RunControl } from '../control.ts'

interface Named {
  readonly id: string
}

export interface RequestAllOptions<Request extends Named, Result extends Named> {
  readonly control: RunControl
  readonly requests: readonly Request[]
  /** One call of the model; passes each finished result to `onResult`, without aborted ones. */
  readonly call: (
    requests: readonly Request[],
    signal: AbortSignal,
    onResult: (result: Result) => void,
  ) => Promise<void>
  /** Called with each result. */
  readonly onResult: (result: Result) => void
  /** Called with a request that cannot get a result, and the reason; the others continue. */
  readonly onFailure: (request: Request, reason: string) => void
  /** Aborts the current call for a reason of the caller (a failed write), which the caller then throws. */
  readonly failed?: AbortSignal
}

/** Max rows that fail alone, with none succeeding, before the cause is taken to be the machine and not the rows. */
const MAX_LONE_FAILURES = 2

/**
 * Calls the model until every request has a result or has failed; false when stopped (or `failed`) before. A pause aborts the current
 * call; unfinished requests are sent again after it. Throws errors of the machine (a dead worker, a lost device, …).
 */
export async function requestAll<Request extends Named, Result extends Named>({
  control,
  requests,
  call,
  onResult,
  onFailure,
  failed,
}: RequestAllOptions<Request, Result>): Promise<boolean> {
  const missing = new Map(requests.map((request) => [request.id, request]))
  const withFailed = (signal: AbortSignal): AbortSignal =>
    failed ? AbortSignal.any([signal, failed]) : signal
  const failures: [Request, string][] = []
  let batchSize = missing.size
  let succeeded = 0
  while (missing.size > 0) {
    await control.whenResumed()
    if (control.stopped || failed?.aborted) return false
    const signal = withFailed(control.signal)
    const batch = [...missing.values()].slice(0, batchSize)
    let reason = 'the model gave no response'
    try {
      await call(batch, signal, (result) => {
        if (!missing.delete(result.id)) return // a duplicate, or never requested
        succeeded += 1
        onResult(result)
      })
    } catch (thrown) {
      if (isAbort(thrown) && signal.aborted) continue
      // A named error concerns the machine. An unknown one may concern a single row, which halving the batch finds.
      if (thrown instanceof RetortError && thrown.name !== 'Unexpected') throw thrown
      reason = thrown instanceof Error ? thrown.message : String(thrown)
    }
    if (signal.aborted) continue
    const left = batch.filter(({ id }) => missing.has(id))
    const [lone] = left
    if (!lone) {
      batchSize *= 2
    } else if (batch.length > 1) {
      batchSize = Math.max(1, Math.floor(left.length / 2))
    } else {
      missing.delete(lone.id)
      failures.push([lone, reason])
      if (succeeded === 0 && failures.length > MAX_LONE_FAILURES)
        throw new RetortError('Unexpected', `Every request to the model failed: ${reason}`)
    }
  }
  for (const [request, reason] of failures) onFailure(request, reason)
  return true
}
