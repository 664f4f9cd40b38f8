// Knows: how a contract crosses a thread: asks, events, answers, errors and aborts over a port; every ask is answered.
// Must not know: any one contract.
import { Transferred, type AskOptions, type Call, type Remote } from './contract.ts'
import { fromErrorMessage, RetortError, toErrorMessage, type ErrorMessage, type ErrorName } from './errors.ts'

/** What the channel needs of a Worker, a MessagePort or a worker's own global. */
export interface PortLike {
  postMessage(message: unknown, transfer: Transferable[]): void
  addEventListener(type: string, listener: (event: Event) => void): void
  removeEventListener(type: string, listener: (event: Event) => void): void
  /** MessagePorts deliver nothing before they are started. */
  start?(): void
}

/** What the channel needs of a port that crossed a thread. */
export const portOf = (port: MessagePort): PortLike => ({
  postMessage: (message, transfer) => port.postMessage(message, transfer),
  addEventListener: (type, listener) => port.addEventListener(type, listener),
  removeEventListener: (type, listener) => port.removeEventListener(type, listener),
  start: () => port.start(),
})

type ToServer =
  | { readonly retort: 'ask'; readonly id: number; readonly method: string; readonly request: unknown }
  | { readonly retort: 'abort'; readonly id: number }
type ToAsker =
  | { readonly retort: 'event'; readonly id: number; readonly event: unknown }
  | { readonly retort: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly retort: 'error'; readonly id: number; readonly error: ErrorMessage }

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** A message of ours, or undefined for a stranger's. What an ask carries is typed by the contract both sides are compiled against. */
function readToServer(data: unknown): ToServer | undefined {
  if (!isRecord(data) || typeof data['id'] !== 'number') return undefined
  if (data['retort'] === 'abort') return { retort: 'abort', id: data['id'] }
  if (data['retort'] === 'ask' && typeof data['method'] === 'string')
    return { retort: 'ask', id: data['id'], method: data['method'], request: data['request'] }
  return undefined
}

function readToAsker(data: unknown): ToAsker | undefined {
  if (!isRecord(data) || typeof data['id'] !== 'number') return undefined
  const { id } = data
  if (data['retort'] === 'event') return { retort: 'event', id, event: data['event'] }
  if (data['retort'] === 'answer') return { retort: 'answer', id, answer: data['answer'] }
  const error = data['error']
  if (data['retort'] !== 'error' || !isRecord(error)) return undefined
  return { retort: 'error', id, error: { name: String(error['name']), message: String(error['message']) } }
}

interface Waiting {
  readonly settle: (message: Exclude<ToAsker, { retort: 'event' }>) => void
  readonly onEvent: ((event: unknown) => void) | undefined
  readonly fail: (error: Error) => void
}

/** The asking side. `close` rejects everything that waits, and every later ask, with `WorkerDied`. */
export interface Connection<C> {
  readonly remote: Remote<C>
  close(why: string): void
}

const DEVICE_LOST: ErrorName = 'DeviceLost'

/** Connects to a served contract. An `error` or `messageerror` of the port, and an answer that is `DeviceLost`, end the connection: all that waits is rejected; `onDeath` is told once. */
export function connect<C>(port: PortLike, onDeath?: (why: string) => void): Connection<C> {
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let dead: string | undefined

  const die = (why: string): void => {
    if (dead !== undefined) return
    dead = why
    port.removeEventListener('message', hear)
    port.removeEventListener('error', breakDown)
    port.removeEventListener('messageerror', garble)
    const all = [...waiting.values()]
    waiting.clear()
    for (const one of all) one.fail(new RetortError('WorkerDied', why))
    onDeath?.(why)
  }
  const hear = (event: Event): void => {
    const message = readToAsker('data' in event ? event.data : undefined)
    const one = message && waiting.get(message.id)
    if (!message || !one) return
    if (message.retort === 'event') return one.onEvent?.(message.event)
    waiting.delete(message.id)
    one.settle(message)
    // The runtime keeps a lost graphics card for as long as its realm lives: only another worker can ask for a new one.
    if (message.retort === 'error' && message.error.name === DEVICE_LOST) die(message.error.message)
  }
  const breakDown = (event: Event): void => {
    const detail =
      'message' in event && typeof event.message === 'string' && event.message !== ''
        ? ` (${event.message})`
        : ''
    die(`The background worker broke down${detail}. What was stored is safe; try again.`)
  }
  const garble = (): void =>
    die('A message of the background worker could not be read. What was stored is safe; try again.')
  port.addEventListener('message', hear)
  port.addEventListener('error', breakDown)
  port.addEventListener('messageerror', garble)
  port.start?.()

  const ask = (method: string, request: unknown, options: AskOptions<unknown> = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) return reject(new RetortError('WorkerDied', dead))
      const { signal } = options
      if (signal?.aborted) return reject(fromErrorMessage({ name: 'AbortError', message: 'Stopped.' }))
      const id = ++lastId
      const abort = (): void => port.postMessage({ retort: 'abort', id } satisfies ToServer, [])
      const leave = (): void => signal?.removeEventListener('abort', abort)
      waiting.set(id, {
        onEvent: options.onEvent,
        settle: (message) => {
          leave()
          if (message.retort === 'answer') resolve(message.answer)
          else reject(fromErrorMessage(message.error))
        },
        fail: (error) => {
          leave()
          reject(error)
        },
      })
      try {
        port.postMessage({ retort: 'ask', id, method, request } satisfies ToServer, options.transfer ?? [])
      } catch (thrown) {
        waiting.delete(id)
        return reject(thrown)
      }
      signal?.addEventListener('abort', abort)
    })

  const methods = new Map<string, (request: unknown, options?: AskOptions<unknown>) => Promise<unknown>>()
  const remote = new Proxy(
    {},
    {
      get(_target, name) {
        // A promise-like would be called when someone awaits the remote itself.
        if (typeof name !== 'string' || name === 'then') return undefined
        const known =
          methods.get(name) ??
          ((request: unknown, options?: AskOptions<unknown>) => ask(name, request, options))
        methods.set(name, known)
        return known
      },
    },
  )
  // The proxy answers any name; which names exist and with what types, the contract tells the compiler on both sides.
  return { remote: remote as Remote<C>, close: die }
}

/** An implementation of a contract: the same methods, whose answers may be wrapped in `Transferred`. */
export type Served<C> = {
  readonly [K in keyof C]: C[K] extends (request: infer Request, call: infer C2) => Promise<infer Answer>
    ? (request: Request, call: C2) => Promise<Answer | Transferred<Answer>>
    : never
}

/** Serves a contract on a port; gives back how to stop, which aborts what is under way. */
export function serve<C>(implementation: Served<C>, port: PortLike): () => void {
  const underWay = new Map<number, AbortController>()
  // A map by name: `constructor` and other inherited names are no methods.
  const methods = new Map(
    Object.entries(
      implementation as Readonly<Record<string, (request: unknown, call: Call<unknown>) => Promise<unknown>>>,
    ),
  )

  const post = (message: ToAsker, transfer: Transferable[] = []): void => port.postMessage(message, transfer)
  const answer = async ({ id, method, request }: Extract<ToServer, { retort: 'ask' }>): Promise<void> => {
    const controller = new AbortController()
    underWay.set(id, controller)
    try {
      const handler = methods.get(method)
      if (handler === undefined) throw new RetortError('Unexpected', `The worker has no method “${method}”.`)
      const call: Call<unknown> = {
        signal: controller.signal,
        emit: (event, transfer) => {
          if (underWay.has(id)) post({ retort: 'event', id, event }, transfer)
        },
      }
      const value = await handler.call(implementation, request, call)
      if (value instanceof Transferred) post({ retort: 'answer', id, answer: value.value }, value.transfer)
      else post({ retort: 'answer', id, answer: value })
    } catch (thrown) {
      // An answer that cannot be cloned lands here too: the asker gets an error, never silence.
      post({ retort: 'error', id, error: toErrorMessage(thrown) })
    } finally {
      underWay.delete(id)
    }
  }
  const hear = (event: Event): void => {
    const message = readToServer('data' in event ? event.data : undefined)
    if (message?.retort === 'abort') underWay.get(message.id)?.abort()
    else if (message?.retort === 'ask') void answer(message)
  }
  port.addEventListener('message', hear)
  port.start?.()
  return () => {
    port.removeEventListener('message', hear)
    for (const controller of underWay.values()) controller.abort()
  }
}

/** What `openWorker` needs of a Worker. */
export interface WorkerLike extends PortLike {
  terminate(): void
}

/** A worker that is started when first asked, and anew when asked after its death. */
export interface SupervisedWorker<C> {
  readonly remote: Remote<C>
  /** True while a worker runs. */
  readonly alive: boolean
  /** Ends the worker at once; what waits is rejected with `WorkerDied` and the sentence. */
  terminate(why?: string): void
}

/** `make` starts the worker; `onDeath` is told whenever it breaks down or is ended. */
export function openWorker<C>(make: () => WorkerLike, onDeath?: (why: string) => void): SupervisedWorker<C> {
  let running: { worker: WorkerLike; connection: Connection<C> } | undefined
  const start = (): Connection<C> => {
    if (running !== undefined) return running.connection
    const worker = make()
    const connection = connect<C>(worker, (why) => {
      worker.terminate()
      running = undefined
      onDeath?.(why)
    })
    running = { worker, connection }
    return connection
  }
  const remote = new Proxy(
    {},
    { get: (_target, name) => (name === 'then' ? undefined : Reflect.get(start().remote as object, name)) },
  )
  return {
    remote: remote as Remote<C>, // as in `connect`
    get alive() {
      return running !== undefined
    },
    terminate: (why = 'The background worker was ended. What was stored is safe.') =>
      running?.connection.close(why),
  }
}
