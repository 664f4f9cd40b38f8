// Knows: `fetch` for workers whose policy keeps them on the page's own origin: other origins are requested by the network worker, over a port.
// Must not know: who may request what (judge-request.ts). Outside a worker, as in tests under Node, it is the platform's `fetch`.
import { connect, portOf, type Connection } from '../../src/protocol/channel.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { FetchContract } from '../../src/protocol/network.ts'

/** What callers use of RequestInit; the network worker adds the rest (no credentials, no referrer, no cache). */
export interface BeyondInit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
  readonly redirect?: 'follow' | 'error'
  /** Marks an address of the local network (Local Network Access). */
  readonly targetAddressSpace?: 'local'
}

let connection: Connection<FetchContract> | undefined

/** Sets the port to the network worker, or removes it: then what is still being requested ends with `WorkerDied`. */
export function useNetwork(port: MessagePort | null): void {
  connection?.close('The network worker was stopped. Load the model again.')
  connection = port === null ? undefined : connect<FetchContract>(portOf(port))
}

/** A port for a worker of this worker; undefined while the network is off. */
export async function shareNetwork(): Promise<MessagePort | undefined> {
  if (connection === undefined) return undefined
  const { port1, port2 } = new MessageChannel()
  await connection.remote.share({ port: port1 }, { transfer: [port1] })
  return port2
}

const DIRECT = {
  credentials: 'omit',
  referrerPolicy: 'no-referrer',
  cache: 'no-store',
} as const satisfies RequestInit

/** True for the page's own files. */
const isOwn = (url: string): boolean => {
  const { origin } = globalThis as { readonly origin?: string } // Node has none
  return origin !== undefined && new URL(url).origin === origin
}

/**
 * Like `fetch`: a TypeError if there is no response, an AbortError when stopped. Throws `DownloadFailed` if the network worker refuses the
 * request, `WorkerDied` if it is stopped meanwhile.
 */
export async function fetchBeyond(url: string, init: BeyondInit = {}): Promise<Response> {
  if (!('WorkerGlobalScope' in globalThis) || isOwn(url)) return fetch(url, { ...DIRECT, ...init })
  return fetchOver(connection, url, init)
}

/** `fetchBeyond` over a connection to the network worker. */
export async function fetchOver(
  network: Connection<FetchContract> | undefined,
  url: string,
  { method = 'GET', headers = {}, body, signal, redirect = 'follow', targetAddressSpace }: BeyondInit,
): Promise<Response> {
  signal?.throwIfAborted()
  if (network === undefined)
    throw new RetortError(
      'DownloadFailed',
      `Nothing that is switched on needs ${new URL(url).host}, so the page did not call it. Choose the source again.`,
    )
  const { remote } = network
  const response = await remote.open(
    {
      url,
      method,
      headers: Object.entries(headers),
      ...(body === undefined ? {} : { body }),
      refusesRedirects: redirect === 'error',
      ...(targetAddressSpace === undefined ? {} : { targetAddressSpace }),
    },
    signal ? { signal } : {},
  )
  if (!response.ok) throw new TypeError(response.message)
  const { id, status, statusText, hasBody } = response
  const cancel = (): void => void remote.cancel({ id }).catch(() => undefined)
  if (signal?.aborted) cancel()
  signal?.throwIfAborted()
  const stream = hasBody ? streamOf(id, remote, signal, cancel) : null
  return new Response(stream, {
    status,
    statusText,
    headers: response.headers.map(([n, v]): [string, string] => [n, v]),
  })
}

/** The body as a stream: pieces are requested as they are read, and the network worker reads a bounded number of bytes ahead. */
function streamOf(
  id: number,
  remote: Connection<FetchContract>['remote'],
  signal: AbortSignal | undefined,
  cancel: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let onAbort: (() => void) | undefined
  const stopListening = (): void => {
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort)
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      onAbort = () => {
        cancel()
        controller.error(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
    },
    async pull(controller) {
      const read = await remote.read({ id })
      if (signal?.aborted) return
      if (!read.ok) {
        stopListening()
        return controller.error(new TypeError(read.message))
      }
      for (const piece of read.pieces) controller.enqueue(piece)
      if (!read.done) return
      stopListening()
      controller.close()
    },
    cancel() {
      stopListening()
      cancel()
    },
  })
}
