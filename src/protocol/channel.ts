// Knows: how a contract crosses a thread: requests, events, responses, errors and aborts over a port; every request gets a reply.
// Must not know: any one contract.
import { Transferred, type CallOptions, type Call, type Remote } from './contract.ts'
import { CHOICE_LIMIT, readFromStart, READY_LIMIT, START_LIMIT, type FailedStart } from './start.ts'
import { fromErrorMessage, RetortError, toErrorMessage, type ErrorMessage, type ErrorName } from './errors.ts'

/** The part of a Worker, a MessagePort or a worker's global scope that the channel uses. */
export interface PortLike {
  postMessage(message: unknown, transfer: Transferable[]): void
  addEventListener(type: string, listener: (event: Event) => void): void
  removeEventListener(type: string, listener: (event: Event) => void): void
  /** A MessagePort delivers nothing until it is started. */
  start?(): void
}

/** A transferred MessagePort as the channel uses it. */
export const portOf = (port: MessagePort): PortLike => ({
  postMessage: (message, transfer) => port.postMessage(message, transfer),
  addEventListener: (type, listener) => port.addEventListener(type, listener),
  removeEventListener: (type, listener) => port.removeEventListener(type, listener),
  start: () => port.start(),
})

type ToServer =
  | { readonly retort: 'request'; readonly id: number; readonly method: string; readonly request: unknown }
  | { readonly retort: 'abort'; readonly id: number }
type ToClient =
  | { readonly retort: 'event'; readonly id: number; readonly event: unknown }
  | { readonly retort: 'response'; readonly id: number; readonly response: unknown }
  | { readonly retort: 'error'; readonly id: number; readonly error: ErrorMessage }

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** A message of this protocol, or undefined for any other. The type of `request` is that of the contract both sides are compiled against. */
function readToServer(data: unknown): ToServer | undefined {
  if (!isRecord(data) || typeof data['id'] !== 'number') return undefined
  if (data['retort'] === 'abort') return { retort: 'abort', id: data['id'] }
  if (data['retort'] === 'request' && typeof data['method'] === 'string')
    return { retort: 'request', id: data['id'], method: data['method'], request: data['request'] }
  return undefined
}

function readToClient(data: unknown): ToClient | undefined {
  if (!isRecord(data) || typeof data['id'] !== 'number') return undefined
  const { id } = data
  if (data['retort'] === 'event') return { retort: 'event', id, event: data['event'] }
  if (data['retort'] === 'response') return { retort: 'response', id, response: data['response'] }
  const error = data['error']
  if (data['retort'] !== 'error' || !isRecord(error)) return undefined
  return { retort: 'error', id, error: { name: String(error['name']), message: String(error['message']) } }
}

interface PendingRequest {
  /** True once its signal aborted. */
  readonly isAborted: () => boolean
  readonly onReply: (message: Exclude<ToClient, { retort: 'event' }>) => void
  readonly onEvent: ((event: unknown) => void) | undefined
  readonly fail: (error: Error) => void
}

/** The client's side. `close` rejects all pending requests, and every later one, with `WorkerDied`. */
export interface Connection<C> {
  readonly remote: Remote<C>
  close(reason: string): void
}

/** What the client does about starts of a runtime in the worker. */
export interface StartWatch {
  /** Number of threads for the next start; undefined: as many as the browser reports. */
  readonly chooseThreads: () => Promise<number | undefined>
  readonly onStarted?: () => void
  /** Called before the connection is closed. */
  readonly onFailed?: (failed: FailedStart) => void
  /** Milliseconds a start may take. Default: `START_LIMIT`. */
  readonly limit?: number
  /** Milliseconds until the worker sends its first message. Default: `READY_LIMIT`. */
  readonly readyLimit?: number
  /** Milliseconds for `chooseThreads`. Default: `CHOICE_LIMIT`. */
  readonly choiceLimit?: number
}

const abortError = (): Error => fromErrorMessage({ name: 'AbortError', message: 'Stopped.' })
/** Milliseconds after which `giveUp` looks again whether other requests have ended. */
const GIVE_UP_AGAIN = 500
/** Errors after which the realm is of no more use. */
const FATAL: ReadonlySet<string> = new Set<ErrorName>(['DeviceLost', 'EngineMissing'])

/**
 * Connects to a served contract. An `error` or `messageerror` of the port, a `DeviceLost` or `EngineMissing` reply, a start of the runtime
 * that fails or does not end in time, and a worker that stays silent after its own start close the connection: all pending requests are
 * rejected, and `onDeath` is called once.
 */
export function connect<C>(
  port: PortLike,
  onDeath?: (reason: string) => void,
  starts?: StartWatch,
): Connection<C> {
  const pending = new Map<number, PendingRequest>()
  let lastId = 0
  let closedBecause: string | undefined
  /** The start in progress. */
  let start: { readonly threads: number; readonly timer: ReturnType<typeof setTimeout> } | undefined

  const close = (reason: string, name: ErrorName = 'WorkerDied'): void => {
    if (closedBecause !== undefined) return
    closedBecause = reason
    clearTimeout(start?.timer)
    clearTimeout(silence)
    port.removeEventListener('message', onMessage)
    port.removeEventListener('error', onError)
    port.removeEventListener('messageerror', onMessageError)
    const rejected = [...pending.values()]
    pending.clear()
    for (const request of rejected)
      request.fail(request.isAborted() ? abortError() : new RetortError(name, reason))
    onDeath?.(reason)
  }
  const failStart = (kind: FailedStart['kind'], reason: string): void => {
    const threads = start?.threads ?? 1
    starts?.onFailed?.({ kind, threads, reason })
    close(reason, 'StartFailed')
  }
  const stalled = (what: string, limit: number): void =>
    failStart(
      'stalled',
      `${what} did not start within ${Math.round(limit / 1000)} seconds, so its worker was stopped. Stored data is safe; try again.`,
    )
  const readyLimit = starts?.readyLimit ?? READY_LIMIT
  // A script that never arrives is no error in every browser.
  const silence = starts && setTimeout(() => stalled('A background worker', readyLimit), readyLimit)
  let isSilent = starts !== undefined
  const onStart = (message: NonNullable<ReturnType<typeof readFromStart>>): void => {
    if (message.retort === 'ready') return
    if (message.retort === 'choose-threads') {
      let limit: ReturnType<typeof setTimeout> | undefined
      const late = new Promise<number>((resolve) => {
        limit = setTimeout(() => resolve(1), starts?.choiceLimit ?? CHOICE_LIMIT)
      })
      const reply = (count?: number): void => {
        clearTimeout(limit)
        port.postMessage({ retort: 'threads', count }, [])
      }
      // Without a number the worker goes by what the browser reports.
      void Promise.race([starts?.chooseThreads(), late]).then(reply, () => reply())
      return
    }
    if (message.retort === 'start-failed') return failStart('broken', message.reason)
    clearTimeout(start?.timer)
    start = undefined
    if (message.retort === 'start-ended') return starts?.onStarted?.()
    const limit = starts?.limit ?? START_LIMIT
    start = {
      threads: message.threads,
      timer: setTimeout(() => stalled('The runtime', limit), limit),
    }
  }
  const onMessage = (event: Event): void => {
    clearTimeout(silence)
    isSilent = false
    const data: unknown = 'data' in event ? event.data : undefined
    const started = readFromStart(data)
    if (started !== undefined) return onStart(started)
    const message = readToClient(data)
    const request = message && pending.get(message.id)
    if (!message || !request) return
    if (message.retort === 'event') return request.onEvent?.(message.event)
    pending.delete(message.id)
    request.onReply(message)
    // The runtime holds a lost graphics card, and never tries again to fetch its own files, as long as its realm lives.
    if (message.retort === 'error' && FATAL.has(message.error.name)) close(message.error.message)
  }
  const onError = (event: Event): void => {
    const detail =
      'message' in event && typeof event.message === 'string' && event.message !== ''
        ? ` (${event.message})`
        : ''
    const reason = `The background worker crashed${detail}. Stored data is safe; try again.`
    // A script that could not be loaded, which has no message, may be at the next try.
    if (isSilent && detail === '') failStart('stalled', reason)
    else if (start === undefined) close(reason)
    else failStart('broken', reason)
  }
  const onMessageError = (): void =>
    close('A message from the background worker could not be read. Stored data is safe; try again.')
  port.addEventListener('message', onMessage)
  port.addEventListener('error', onError)
  port.addEventListener('messageerror', onMessageError)
  port.start?.()

  /** Ends a worker that does not reply to an abort, once nothing else is in progress in it. */
  const giveUp = (id: number): void => {
    if (!pending.has(id)) return
    if ([...pending.values()].every((request) => request.isAborted()))
      close(
        'The background worker did not stop when it was cancelled, and was restarted. Stored data is safe.',
      )
    else setTimeout(() => giveUp(id), GIVE_UP_AGAIN)
  }

  const send = (method: string, request: unknown, options: CallOptions<unknown> = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (closedBecause !== undefined) return reject(new RetortError('WorkerDied', closedBecause))
      const { signal } = options
      if (signal?.aborted) return reject(abortError())
      const id = ++lastId
      const abort = (): void => {
        port.postMessage({ retort: 'abort', id } satisfies ToServer, [])
        if (options.patience !== undefined) setTimeout(() => giveUp(id), options.patience)
      }
      const stopListening = (): void => signal?.removeEventListener('abort', abort)
      pending.set(id, {
        isAborted: () => signal?.aborted === true,
        onEvent: options.onEvent,
        onReply: (message) => {
          stopListening()
          if (message.retort === 'response') resolve(message.response)
          else reject(fromErrorMessage(message.error))
        },
        fail: (error) => {
          stopListening()
          reject(error)
        },
      })
      try {
        port.postMessage(
          { retort: 'request', id, method, request } satisfies ToServer,
          options.transfer ?? [],
        )
      } catch (thrown) {
        pending.delete(id)
        return reject(thrown)
      }
      signal?.addEventListener('abort', abort)
    })

  const methods = new Map<string, (request: unknown, options?: CallOptions<unknown>) => Promise<unknown>>()
  const remote = new Proxy(
    {},
    {
      get(_target, name) {
        // With a `then`, awaiting the remote itself would call it.
        if (typeof name !== 'string' || name === 'then') return undefined
        const call =
          methods.get(name) ??
          ((request: unknown, options?: CallOptions<unknown>) => send(name, request, options))
        methods.set(name, call)
        return call
      },
    },
  )
  // The proxy has a method of any name; on both sides the compiler checks names and types against the contract.
  return { remote: remote as Remote<C>, close }
}

/** An implementation of a contract: the same methods, whose responses may be wrapped in `Transferred`. */
export type Served<C> = {
  readonly [K in keyof C]: C[K] extends (request: infer Request, call: infer C2) => Promise<infer Response>
    ? (request: Request, call: C2) => Promise<Response | Transferred<Response>>
    : never
}

/** Serves a contract on a port; returns a function that stops serving and aborts the requests in progress. */
export function serve<C>(implementation: Served<C>, port: PortLike): () => void {
  const running = new Map<number, AbortController>()
  // A map by name: `constructor` and other inherited names are not methods.
  const methods = new Map(
    Object.entries(
      implementation as Readonly<Record<string, (request: unknown, call: Call<unknown>) => Promise<unknown>>>,
    ),
  )

  const post = (message: ToClient, transfer: Transferable[] = []): void => port.postMessage(message, transfer)
  const handle = async ({ id, method, request }: Extract<ToServer, { retort: 'request' }>): Promise<void> => {
    const controller = new AbortController()
    running.set(id, controller)
    try {
      const handler = methods.get(method)
      if (handler === undefined) throw new RetortError('Unexpected', `The worker has no method “${method}”.`)
      const call: Call<unknown> = {
        signal: controller.signal,
        emit: (event, transfer) => {
          if (running.has(id)) post({ retort: 'event', id, event }, transfer)
        },
      }
      const value = await handler.call(implementation, request, call)
      if (value instanceof Transferred)
        post({ retort: 'response', id, response: value.value }, value.transfer)
      else post({ retort: 'response', id, response: value })
    } catch (thrown) {
      // A response that cannot be cloned ends up here too: the client gets an error, never silence.
      post({ retort: 'error', id, error: toErrorMessage(thrown) })
    } finally {
      running.delete(id)
    }
  }
  const onMessage = (event: Event): void => {
    const message = readToServer('data' in event ? event.data : undefined)
    if (message?.retort === 'abort') running.get(message.id)?.abort()
    else if (message?.retort === 'request') void handle(message)
  }
  port.addEventListener('message', onMessage)
  port.start?.()
  return () => {
    port.removeEventListener('message', onMessage)
    for (const controller of running.values()) controller.abort()
  }
}
