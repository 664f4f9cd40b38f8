// Knows: the contracts of the network worker, the only one whose policy lets it reach other origins: what the page permits, and how another
// worker requests something and reads the response piece by piece.
import type { Permission, Traffic } from '../domain/traffic.ts'
import type { Method } from './contract.ts'

export interface NetworkRequest {
  readonly url: string
  readonly method: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body?: string
  /** A redirect is an error. */
  readonly refusesRedirects: boolean
  /** The address is on the local network; browsers with Local Network Access then request the person's permission. */
  readonly targetAddressSpace?: 'local'
}

/** A response whose body is read by its id, or what the browser reported instead of one. */
export type NetworkResponse =
  | {
      readonly ok: true
      readonly id: number
      readonly status: number
      readonly statusText: string
      readonly headers: readonly (readonly [name: string, value: string])[]
      readonly hasBody: boolean
    }
  | { readonly ok: false; readonly message: string }

/** The next pieces of a body, at least one unless it ended. */
export type BodyRead =
  | { readonly ok: true; readonly pieces: readonly Uint8Array<ArrayBuffer>[]; readonly done: boolean }
  | { readonly ok: false; readonly message: string }

/** Requests of a worker that cannot reach other origins itself. */
export interface FetchContract {
  /** Sends a request. Throws `DownloadFailed` if nothing that is switched on permits it; an AbortError when stopped. */
  open: Method<NetworkRequest, NetworkResponse>
  read: Method<{ readonly id: number }, BodyRead>
  /** Ends a response that is not read to its end. */
  cancel: Method<{ readonly id: number }, null>
  /** Serves the same on another port, which is to be transferred. */
  share: Method<{ readonly port: MessagePort }, null>
}

/** What the page controls. Both methods end only by an abort. */
export interface NetworkContract {
  /** Serves a `FetchContract` on a port, which is to be transferred; each event is a request's latest state. */
  connect: Method<{ readonly port: MessagePort }, null, Traffic>
  /** Permits requests until aborted; one event reports that it is in force. */
  allow: Method<Permission, null, { readonly kind: 'ready' }>
}
