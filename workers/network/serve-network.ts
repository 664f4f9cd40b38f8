// Knows: how the network worker serves requests of other workers under the page's permissions, and reports each to the page.
// Must not know: what is requested, whose browser's `fetch` sends it (a test passes its own).
import type { Permission, Traffic } from '../../src/domain/traffic.ts'
import { portOf, serve, type Served } from '../../src/protocol/channel.ts'
import { Transferred } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type {
  FetchContract,
  NetworkContract,
  NetworkRequest,
  NetworkResponse,
} from '../../src/protocol/network.ts'
import { BodyQueue } from './body-queue.ts'
import { judgeRequest } from './judge-request.ts'

/** Milliseconds between two reports of a body that is arriving. */
const REPORT_EVERY = 250

const encoder = new TextEncoder()
const bytesOf = (text: string): number => encoder.encode(text).length

/** Bytes that a request sends as far as the page writes them: `name: value` and a line break for each header. */
export const countSentBytes = ({ url, method, headers, body = '' }: NetworkRequest): number =>
  bytesOf(`${method} ${url}`) +
  headers.reduce((sum, [name, value]) => sum + bytesOf(name) + bytesOf(value) + 4, 0) +
  bytesOf(body)

type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** A permission's key is for its own addresses: a redirect would carry texts elsewhere. */
const mayRedirect = ({ sends }: Permission, { refusesRedirects }: NetworkRequest): boolean =>
  !sends && !refusesRedirects

export function makeNetworkService(fetch: Fetch): Served<NetworkContract> {
  const permissions = new Set<Permission>()
  const bodies = new Map<number, BodyQueue>()
  let lastId = 0

  const openRequest = async (
    request: NetworkRequest,
    signal: AbortSignal,
    report: (traffic: Traffic) => void,
  ): Promise<NetworkResponse> => {
    const id = ++lastId
    const permission = judgeRequest(request, permissions)
    const host = URL.canParse(request.url) ? new URL(request.url).host : ''
    let traffic: Traffic = {
      id,
      purpose: typeof permission === 'string' ? 'file' : permission.purpose,
      method: request.method,
      host,
      sentBytes: typeof permission === 'string' ? 0 : countSentBytes(request),
      receivedBytes: 0,
      status: typeof permission === 'string' ? 'refused' : 'running',
    }
    report(traffic)
    const update = (change: Partial<Traffic>): void => report((traffic = { ...traffic, ...change }))
    if (typeof permission === 'string') throw new RetortError('DownloadFailed', permission)

    let response: Response
    try {
      response = await fetch(request.url, {
        method: request.method,
        headers: request.headers.map(([name, value]): [string, string] => [name, value]),
        ...(request.body === undefined ? {} : { body: request.body }),
        ...(request.targetAddressSpace === undefined
          ? {}
          : { targetAddressSpace: request.targetAddressSpace }),
        signal,
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        cache: 'no-store',
        redirect: mayRedirect(permission, request) ? 'follow' : 'error',
      })
    } catch (thrown) {
      update({ status: signal.aborted ? 'stopped' : 'failed' })
      signal.throwIfAborted()
      return { ok: false, message: thrown instanceof Error ? thrown.message : String(thrown) }
    }
    const responded = response.url === '' ? host : new URL(response.url).host
    if (responded !== host) update({ redirectedTo: responded })
    const { body } = response
    if (body === null) update({ status: 'finished' })
    else {
      let reportedAt = 0
      const queue = new BodyQueue(body, {
        onBytes: (count) => {
          traffic = { ...traffic, receivedBytes: traffic.receivedBytes + count }
          if (performance.now() - reportedAt < REPORT_EVERY) return
          reportedAt = performance.now()
          report(traffic)
        },
        onEnd: (status) => update({ status }),
      })
      bodies.set(id, queue)
    }
    return {
      ok: true,
      id,
      status: response.status,
      statusText: response.statusText,
      headers: [...response.headers],
      hasBody: body !== null,
    }
  }

  const makeFetchService = (report: (traffic: Traffic) => void): Served<FetchContract> => ({
    open: (request, { signal }) => openRequest(request, signal, report),
    read: async ({ id }) => {
      const read = (await bodies.get(id)?.next()) ?? { ok: true, pieces: [], done: true }
      if (!read.ok || read.done) bodies.delete(id)
      return read.ok
        ? new Transferred(
            read,
            read.pieces.map(({ buffer }) => buffer),
          )
        : read
    },
    cancel: async ({ id }) => {
      bodies.get(id)?.cancel()
      bodies.delete(id)
      return null
    },
    share: async ({ port }) => {
      serve<FetchContract>(makeFetchService(report), portOf(port))
      return null
    },
  })

  return {
    connect: async ({ port }, { signal, emit }) => {
      const stop = serve<FetchContract>(makeFetchService(emit), portOf(port))
      await untilAborted(signal)
      stop()
      return null
    },
    allow: async (permission, { signal, emit }) => {
      permissions.add(permission)
      emit({ kind: 'ready' })
      await untilAborted(signal)
      permissions.delete(permission)
      return null
    },
  }
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
