// Knows: the machine under the page: its backends and what it supports.

export type Backend = 'wasm' | 'webgpu'

/** What this machine supports, as facts; the page puts them in words. */
export interface MachineFacts {
  readonly webgpu: {
    readonly available: boolean
    readonly adapter?: string
    readonly shaderF16: boolean
    readonly reason?: string
  }
  readonly threads: { readonly isolated: boolean; readonly count: number }
  /** GiB as the browser reports it (rounded, max 8 in Chromium); undefined if it does not. */
  readonly memoryGiB?: number
  /** There is no origin-private file system: models cannot be stored, and checkpoints are stored in the database. */
  readonly lacksFiles?: boolean
  /** The browser deletes the data of a site that was not used for this number of days. */
  readonly forgetsAfterDays?: number
  readonly storage?: { readonly quotaBytes: number; readonly usedBytes: number; readonly persisted: boolean }
}
