// Knows: how a worker is created again if its script does not load. In Firefox (140 ESR, two cores), with a service worker in control, 3 of 60
// tries hung because a worker's script never ran a line; a new worker after the hang loaded. Without a service worker none of 79 tries hung.
// Must not know: what the worker does.

/** Milliseconds in which a thread of the runtime has sent its first message: its script is a small file that is in the cache already. */
const THREAD_LIMIT = 3000
/** The same for a worker of the page, whose script may have to be downloaded. */
const PAGE_LIMIT = 10_000
/** Attempts; the last one may take as long as it needs. */
const MAX_ATTEMPTS = 4

type Handler<E extends Event> = ((event: E) => unknown) | null

/** Workers of `create`, the next one with the messages that were sent to the one before, until one sends a message. */
class RetryingWorker extends EventTarget implements Worker {
  onmessage: Handler<MessageEvent> = null
  onmessageerror: Handler<MessageEvent> = null
  onerror: Handler<ErrorEvent> = null
  readonly #create: () => Worker
  readonly #limit: number
  readonly #onRetry: () => void
  /** Messages to a worker that has not sent one; undefined once it has. */
  #sent: [unknown, StructuredSerializeOptions | undefined][] | undefined = []
  #worker: Worker
  #timer: ReturnType<typeof setTimeout> | undefined
  #attempts = 0

  constructor(create: () => Worker, limit: number, onRetry: () => void = () => undefined) {
    super()
    this.#create = create
    this.#limit = limit
    this.#onRetry = onRetry
    this.#worker = this.#start()
  }

  postMessage(message: unknown, options?: StructuredSerializeOptions | Transferable[]): void {
    const how = Array.isArray(options) ? { transfer: options } : options
    // What is transferred is gone: such a message cannot be sent to a second worker.
    if ((how?.transfer?.length ?? 0) > 0) this.#settle()
    this.#sent?.push([message, how])
    this.#worker.postMessage(message, how)
  }

  terminate(): void {
    this.#settle()
    this.#worker.terminate()
  }

  #start(): Worker {
    const worker = this.#create()
    this.#attempts += 1
    const isCurrent = (): boolean => this.#worker === worker
    worker.addEventListener('message', (event) => {
      if (!isCurrent()) return
      this.#settle()
      this.#pass(new MessageEvent('message', { data: event.data, ports: [...event.ports] }), this.onmessage)
    })
    worker.addEventListener('messageerror', (event) => {
      if (isCurrent()) this.#pass(new MessageEvent('messageerror', { data: event.data }), this.onmessageerror)
    })
    worker.addEventListener('error', (event) => {
      if (!isCurrent()) return
      event.preventDefault()
      this.#settle()
      const { message, filename, lineno, colno } = event
      this.#pass(new ErrorEvent('error', { message, filename, lineno, colno }), this.onerror)
    })
    if (this.#attempts < MAX_ATTEMPTS) this.#timer = setTimeout(() => this.#retry(), this.#limit)
    return worker
  }

  #retry(): void {
    this.#onRetry()
    const silent = this.#worker
    this.#worker = this.#start()
    silent.terminate()
    for (const [message, options] of this.#sent ?? []) this.#worker.postMessage(message, options)
  }

  #settle(): void {
    clearTimeout(this.#timer)
    this.#sent = undefined
  }

  #pass<E extends Event>(event: E, handler: Handler<E>): void {
    handler?.call(this, event)
    this.dispatchEvent(event)
  }
}

/** A class like `Native` whose workers are created again while they do not load. `onRetry` is called with each attempt that is given up. */
export const retryingWorker = (
  Native: typeof Worker,
  onRetry?: () => void,
  limit = THREAD_LIMIT,
): typeof Worker =>
  class extends RetryingWorker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(() => new Native(url, options), limit, onRetry)
    }
  }

/** Creates a worker of the page, and creates it again while it does not load. */
export const untilLoaded =
  (create: () => Worker): (() => Worker) =>
  () =>
    new RetryingWorker(create, PAGE_LIMIT)
