// Knows: the form of a worker's contract, and what each side sees of it. Both sides are checked against the same interface.
// Must not know: Worker, postMessage (channel.ts).

/** What a served method gets besides its request. */
export interface Call<Event> {
  /** Ends when the asker aborts or goes away. */
  readonly signal: AbortSignal
  /** Tells the asker something while the work goes on. */
  emit(event: Event, transfer?: Transferable[]): void
}

/** A method of a contract: one request, events on the way, one answer. `Event` is `never` where there are none. */
export type Method<Request, Answer, Event = never> = (request: Request, call: Call<Event>) => Promise<Answer>

/** Any contract: an interface of methods. */
export type Contract<C> = {
  readonly [K in keyof C]: C[K] extends Method<infer R, infer A, infer E> ? Method<R, A, E> : never
}

/** What the asking side may pass along. */
export interface AskOptions<Event> {
  readonly signal?: AbortSignal
  readonly onEvent?: (event: Event) => void
  readonly transfer?: Transferable[]
}

/** The contract as the asking side calls it. */
export type Remote<C> = {
  readonly [K in keyof C]: C[K] extends Method<infer Request, infer Answer, infer Event>
    ? (request: Request, options?: AskOptions<Event>) => Promise<Answer>
    : never
}

/** Wraps an answer whose buffers are handed over instead of copied. */
export class Transferred<T> {
  readonly value: T
  readonly transfer: Transferable[]
  constructor(value: T, transfer: Transferable[]) {
    this.value = value
    this.transfer = transfer
  }
}
