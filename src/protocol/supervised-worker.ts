// Knows: a worker that starts with its first request and is restarted after it crashed, was terminated or could not start the runtime.
// Must not know: any one contract.
import { connect, type Connection, type PortLike } from './channel.ts'
import type { CallOptions, Remote } from './contract.ts'
import { isAbort, RetortError } from './errors.ts'
import type { FailedStart } from './start.ts'

/** The part of a Worker that `openWorker` uses. */
export interface WorkerLike extends PortLike {
  terminate(): void
}

/** A worker that is started by the first request, and restarted by the first one after it crashed or was terminated. */
export interface SupervisedWorker<C> {
  readonly remote: Remote<C>
  /** True while a worker runs. */
  readonly alive: boolean
  /** Terminates the worker at once; pending requests are rejected with `WorkerDied` and the sentence. */
  terminate(reason?: string): void
}

export interface WorkerOptions {
  /** Called whenever the worker crashes or is terminated. */
  readonly onDeath?: (reason: string) => void
  /** Number of threads to start the runtime with; undefined: as many as the browser reports. */
  readonly chooseThreads?: () => Promise<number | undefined>
  /** Settles when the worker may be started; requests wait for it. Default: at once. */
  readonly mayStart?: Promise<unknown>
  /** Called with a sentence when a start succeeded after one that failed. */
  readonly onNote?: (sentence: string) => void
  /** Milliseconds a start of the runtime may take. */
  readonly startLimit?: number
  /** Milliseconds until a worker sends its first message. */
  readonly readyLimit?: number
  /** Milliseconds for `chooseThreads`; then it is one. */
  readonly choiceLimit?: number
  /** Whether a start that failed is tried again. Default: true. */
  readonly retries?: boolean
}

/**
 * `make` starts the worker. If it or the runtime in it does not start, another worker is started and the requests are sent again: once with as
 * many threads if the start hung, then on one thread. Requests that transferred something cannot be sent again and are rejected with
 * `StartFailed`.
 */
export function openWorker<C>(
  make: () => WorkerLike,
  {
    onDeath,
    chooseThreads,
    mayStart,
    onNote,
    startLimit,
    readyLimit,
    choiceLimit,
    retries = true,
  }: WorkerOptions = {},
): SupervisedWorker<C> {
  let running: { worker: WorkerLike; connection: Connection<C> } | undefined
  /** Failed starts since the last one that succeeded. */
  let failed: FailedStart[] = []
  /** Set after a start on several threads failed. */
  let isSingle = false
  let mayRetry = false
  let waits = mayStart
  mayStart?.then(
    () => (waits = undefined),
    () => (waits = undefined),
  )

  const onFailed = (start: FailedStart): void => {
    failed.push(start)
    mayRetry = retries
    if (start.kind === 'stalled' && failed.length === 1) return
    // A request may name its own number of threads, whatever is chosen here.
    if (start.threads > 1 && !isSingle) isSingle = true
    else {
      mayRetry = false
      failed = []
    }
  }
  const onStarted = (): void => {
    const last = failed.at(-1)
    failed = []
    if (last === undefined) return
    onNote?.(
      isSingle
        ? `The runtime did not start with ${last.threads} threads (${last.reason.replace(/\.$/, '')}). It runs on one thread, which is slower.`
        : 'The runtime did not start at first and was started again in a new worker. Nothing is lost.',
    )
  }
  const start = (): Connection<C> => {
    if (running !== undefined) return running.connection
    const worker = make()
    const connection = connect<C>(
      worker,
      (reason) => {
        worker.terminate()
        running = undefined
        onDeath?.(reason)
      },
      {
        chooseThreads: async () => (isSingle ? 1 : chooseThreads?.()),
        onStarted,
        onFailed,
        ...(startLimit === undefined ? {} : { limit: startLimit }),
        ...(readyLimit === undefined ? {} : { readyLimit }),
        ...(choiceLimit === undefined ? {} : { choiceLimit }),
      },
    )
    running = { worker, connection }
    return connection
  }

  const send = async (name: string, request: unknown, options?: CallOptions<unknown>): Promise<unknown> => {
    if (waits !== undefined) {
      await waits.catch(() => undefined)
      options?.signal?.throwIfAborted()
    }
    for (;;) {
      const method: unknown = Reflect.get(start().remote as object, name)
      if (typeof method !== 'function') throw new TypeError(`no method “${name}”`)
      try {
        return await method(request, options)
      } catch (thrown) {
        const isStart = thrown instanceof RetortError && thrown.name === 'StartFailed'
        if (isAbort(thrown) || !isStart || !mayRetry || options?.transfer?.length) throw thrown
      }
    }
  }
  const methods = new Map<string, (request: unknown, options?: CallOptions<unknown>) => Promise<unknown>>()
  const remote = new Proxy(
    {},
    {
      get(_target, name) {
        if (typeof name !== 'string' || name === 'then') return undefined // as in `connect`
        const call =
          methods.get(name) ??
          ((request: unknown, options?: CallOptions<unknown>) => send(name, request, options))
        methods.set(name, call)
        return call
      },
    },
  )
  return {
    remote: remote as Remote<C>, // as in `connect`
    get alive() {
      return running !== undefined
    },
    terminate: (reason = 'The background worker was stopped. Stored data is safe.') =>
      running?.connection.close(reason),
  }
}
