// Knows: the form of a worker's contract as client and server see it. Both sides are checked against the same interface.
// Must not know: Worker, postMessage (channel.ts).

/** What a served method gets in addition to its request. */
export interface Call<Event> {
  /** Aborted if the client aborts or disconnects. */
  readonly signal: AbortSignal
  /** Sends an event to the client while the request is in progress. */
  emit(event: Event, transfer?: Transferable[]): void
}

/** A method of a contract: one request, events in between, one response. `Event` is `never` if there are none. */
export type Method<Request, Response, Event = never> = (
  request: Request,
  call: Call<Event>,
) => Promise<Response>

/** What the client may pass with a request. */
export interface CallOptions<Event> {
  readonly signal?: AbortSignal
  readonly onEvent?: (event: Event) => void
  readonly transfer?: Transferable[]
  /**
   * Milliseconds the worker has to reply once `signal` aborts; then it is terminated, unless other requests are in
   * progress in it, which are waited for. Absent: as long as it takes.
   */
  readonly patience?: number
}

/** Patience with a request whose cancelling loses nothing, in milliseconds. */
export const CANCEL_PATIENCE = 2000

/** The contract as the client calls it. */
export type Remote<C> = {
  readonly [K in keyof C]: C[K] extends Method<infer Request, infer Response, infer Event>
    ? (request: Request, options?: CallOptions<Event>) => Promise<Response>
    : never
}

/** Wraps a response whose buffers are transferred, not copied. */
export class Transferred<T> {
  readonly value: T
  readonly transfer: Transferable[]
  constructor(value: T, transfer: Transferable[]) {
    this.value = value
    this.transfer = transfer
  }
}
