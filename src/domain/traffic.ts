// Knows: a request that left this page for another origin, and what a person's choice of a source permits.

/** Why something is requested from another origin: which of the person's choices needs it. */
export type Purpose = 'file' | 'hub' | 'server' | 'web-llm'

/** What one choice of a source permits, while it is in use. */
export interface Permission {
  readonly purpose: Purpose
  /** Absolute addresses. A request is permitted if its address is one of these, or below one: after a slash or a question mark. */
  readonly addresses: readonly string[]
  /** Bodies may be sent (a model server's requests). Otherwise only GET without a body. */
  readonly sends: boolean
  /** The person's API key for these addresses. No other credential is ever sent. */
  readonly key?: string
}

/** One request and what is known of it so far. */
export interface Traffic {
  /** Unique within the life of a network worker. */
  readonly id: number
  readonly purpose: Purpose
  readonly method: string
  /** Host with port, as requested. */
  readonly host: string
  /** The host that responded, if the request was redirected to another one. */
  readonly redirectedTo?: string
  /** Bytes of the address, the headers and the body that the page wrote; the browser adds headers of its own. */
  readonly sentBytes: number
  /** Bytes of the response's body so far, decompressed. */
  readonly receivedBytes: number
  readonly status: 'running' | 'finished' | 'failed' | 'stopped' | 'refused'
}
