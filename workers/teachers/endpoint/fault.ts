// Knows: the ways in which a request to a server goes wrong, and which of them are worth another try.

export type FaultKind =
  /** No connection, or an answer that the browser keeps from the page. */
  | 'unreachable'
  /** The connection ended, or no byte came for too long, in the middle of an answer. */
  | 'cut'
  /** 408, 429, 503: it has too much to do. */
  | 'busy'
  /** Another 5xx. */
  | 'failed'
  /** What it sent is not of the protocol, or too long. */
  | 'garbled'
  /** It refuses this request: the same one again would be refused again. */
  | 'refused'
  /** It refuses whoever asks (401, 403), or does not have the model (404). */
  | 'closed'

const WORTH_ANOTHER_TRY: ReadonlySet<FaultKind> = new Set(['unreachable', 'cut', 'busy', 'failed', 'garbled'])

/** `message` is a sentence. */
export class Fault extends Error {
  readonly kind: FaultKind
  /** Milliseconds that the server asked to wait. */
  readonly waitMs: number | undefined

  constructor(kind: FaultKind, sentence: string, waitMs?: number) {
    super(sentence)
    this.kind = kind
    this.waitMs = waitMs
  }

  get mayBeRepeated(): boolean {
    return WORTH_ANOTHER_TRY.has(this.kind)
  }
}

/** Milliseconds that a `Retry-After` header asks for: seconds or a date. At most ten minutes: nobody waits longer for a row. */
export function waitOf(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  // Only dates that begin with a day's name: engines read a date into nearly anything.
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(header)
    ? Number(header) * 1000
    : /^[A-Z][a-z]+,/.test(header)
      ? Date.parse(header) - now
      : Number.NaN
  return ms >= 0 ? Math.min(ms, 600_000) : undefined
}
