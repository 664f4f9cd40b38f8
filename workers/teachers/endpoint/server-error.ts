// Knows: the ways in which a request to a server fails, and which of them are retried.

export type ServerErrorKind =
  /** No connection, or a response that the browser hides from the page. */
  | 'unreachable'
  /** The browser would block the request: none was sent. */
  | 'blocked'
  /** The connection ended or stalled in the middle of a response. */
  | 'interrupted'
  /** 408, 429, 503: it is overloaded. */
  | 'overloaded'
  /** Another 5xx. */
  | 'failed'
  /** The response does not follow the protocol, or is too long. */
  | 'malformed'
  /** It refuses this request, and would refuse it again. */
  | 'refused'
  /** It denies access (401, 403), or does not have the model (404). */
  | 'denied'

const RETRYABLE: ReadonlySet<ServerErrorKind> = new Set([
  'unreachable',
  'interrupted',
  'overloaded',
  'failed',
  'malformed',
])

/** `message` is a sentence. */
export class ServerError extends Error {
  readonly kind: ServerErrorKind
  /** Milliseconds to wait, as requested by the server. */
  readonly waitMs: number | undefined
  /** The server does not know this path or model (404). */
  readonly isMissing: boolean

  constructor(kind: ServerErrorKind, sentence: string, waitMs?: number, isMissing = false) {
    super(sentence)
    this.kind = kind
    this.waitMs = waitMs
    this.isMissing = isMissing
  }

  get isRetryable(): boolean {
    return RETRYABLE.has(this.kind)
  }
}

/** Milliseconds to wait by a `Retry-After` header, which has seconds or a date. Up to ten minutes: a row is not worth a longer wait. */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  // Only dates that begin with a day's name: JavaScript engines parse nearly anything as a date.
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(header)
    ? Number(header) * 1000
    : /^[A-Z][a-z]+,/.test(header)
      ? Date.parse(header) - now
      : Number.NaN
  return ms >= 0 ? Math.min(ms, 600_000) : undefined
}
