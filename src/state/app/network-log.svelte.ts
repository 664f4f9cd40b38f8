// Knows: every request that left the page for another origin since it was opened, and what is permitted now.
// Must not know: how requests are sent (actions/machine/network-access.ts fills this).
import type { Role } from '../../domain/role.ts'
import type { Permission, Purpose, Traffic } from '../../domain/traffic.ts'

/** The role of the model for which something is requested. */
export type Asker = Role

/** A request of the list. */
export interface LoggedRequest extends Traffic {
  readonly key: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Single requests that are listed; a server answers thousands. Older ones are in the totals only. */
const MAX_LISTED = 200

/** All requests to one host for one purpose. */
export interface HostTotal {
  readonly key: string
  readonly host: string
  readonly purpose: Purpose
  readonly requests: number
  readonly sentBytes: number
  readonly receivedBytes: number
}

/** Requests in a row to one host that ended alike. */
export interface RequestGroup extends Omit<LoggedRequest, 'id' | 'purpose'> {
  readonly count: number
  /** Time of the oldest; `at` is that of the newest. */
  readonly since: number
}

/** `requests`: newest first. A group has the key of its oldest one, so that it stays the same while newer ones are added. */
function groupRequests(requests: readonly LoggedRequest[]): readonly RequestGroup[] {
  const groups: RequestGroup[] = []
  for (const request of requests) {
    const last = groups.at(-1)
    const isAlike =
      last?.method === request.method &&
      last.host === request.host &&
      last.redirectedTo === request.redirectedTo &&
      last.status === request.status
    if (last === undefined || !isAlike) groups.push({ ...request, count: 1, since: request.at })
    else
      groups[groups.length - 1] = {
        ...last,
        key: request.key,
        count: last.count + 1,
        since: request.at,
        sentBytes: last.sentBytes + request.sentBytes,
        receivedBytes: last.receivedBytes + request.receivedBytes,
      }
  }
  return groups
}

const add = (total: HostTotal, { sentBytes, receivedBytes }: Traffic, sign: 1 | -1): HostTotal => ({
  ...total,
  requests: total.requests + sign,
  sentBytes: total.sentBytes + sign * sentBytes,
  receivedBytes: total.receivedBytes + sign * receivedBytes,
})

export class NetworkLog {
  #requests = $state.raw<readonly LoggedRequest[]>([])
  #totals = $state.raw<ReadonlyMap<string, HostTotal>>(new Map())
  #permissions = $state.raw<Readonly<Record<Asker, readonly Permission[]>>>({})
  readonly #now: () => number

  constructor(now: () => number = () => Date.now()) {
    this.#now = now
  }

  /** The latest requests, newest first; with those that were refused before they were sent. */
  get requests(): readonly LoggedRequest[] {
    return this.#requests
  }
  /** The latest requests, newest first: those in a row that are alike are one group. */
  get groups(): readonly RequestGroup[] {
    return groupRequests(this.#requests)
  }
  /** Totals by host and purpose, without refused requests. */
  get totals(): readonly HostTotal[] {
    return [...this.#totals.values()]
  }
  /** Requests that were sent. */
  get count(): number {
    return this.totals.reduce((sum, { requests }) => sum + requests, 0)
  }
  get sentBytes(): number {
    return this.totals.reduce((sum, total) => sum + total.sentBytes, 0)
  }
  get receivedBytes(): number {
    return this.totals.reduce((sum, total) => sum + total.receivedBytes, 0)
  }
  /** What may be requested now; empty when no network worker runs. */
  get permissions(): readonly Permission[] {
    return Object.values(this.#permissions).flat()
  }

  /** A new request, or the latest state of a known one, of the network worker of a model. */
  add(traffic: Traffic, worker: number, asker: Asker = 'teacher'): void {
    const key = `${asker} ${worker} ${traffic.id}`
    const index = this.#requests.findIndex((known) => known.key === key)
    const known = this.#requests[index]
    // The end of a request that is no longer listed still counts; its earlier state is in the list of open ones.
    const before = known ?? this.#open.get(key)
    const logged: LoggedRequest = { ...traffic, key, at: before?.at ?? this.#now() }
    if (traffic.status === 'running') this.#open.set(key, logged)
    else this.#open.delete(key)
    this.#requests =
      known !== undefined
        ? this.#requests.with(index, logged)
        : before !== undefined
          ? this.#requests
          : [logged, ...this.#requests].slice(0, MAX_LISTED)
    if (traffic.status !== 'refused') this.#count(before, logged)
  }
  readonly #open = new Map<string, LoggedRequest>()

  /** What a model is permitted from now on. Without any permission its worker is off, and what was running has been stopped. */
  permit(permissions: readonly Permission[], asker: Asker = 'teacher'): void {
    this.#permissions = { ...this.#permissions, [asker]: permissions }
    if (permissions.length > 0) return
    const isItsOwn = (key: string): boolean => key.startsWith(`${asker} `)
    for (const key of this.#open.keys()) if (isItsOwn(key)) this.#open.delete(key)
    if (this.#requests.some(({ key, status }) => status === 'running' && isItsOwn(key)))
      this.#requests = this.#requests.map((request) =>
        request.status === 'running' && isItsOwn(request.key) ? { ...request, status: 'stopped' } : request,
      )
  }

  #count(before: LoggedRequest | undefined, now: LoggedRequest): void {
    const totals = new Map(this.#totals)
    const change = (request: LoggedRequest, sign: 1 | -1): void => {
      const key = `${request.host} ${request.purpose}`
      const empty = {
        key,
        host: request.host,
        purpose: request.purpose,
        requests: 0,
        sentBytes: 0,
        receivedBytes: 0,
      }
      totals.set(key, add(totals.get(key) ?? empty, request, sign))
    }
    if (before !== undefined) change(before, -1)
    change(now, 1)
    this.#totals = totals
  }
}
