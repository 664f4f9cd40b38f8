// Knows: when the network worker runs: while a call of the teacher needs another origin, and as long as a model server is the loaded teacher.
// Must not know: how a worker is started, how requests are sent and checked (workers/network).
import type { ModelSource } from '../../domain/model-source.ts'
import type { Permission, Traffic } from '../../domain/traffic.ts'
import { permissionOf } from '../../pipeline/models/permission.ts'
import type { Remote } from '../../protocol/contract.ts'
import type { NetworkContract } from '../../protocol/network.ts'
import { openWorker, type SupervisedWorker, type WorkerLike } from '../../protocol/supervised-worker.ts'
import type { TeacherContract } from '../../protocol/teacher.ts'
import { readWebLlmCatalogue } from '../models/list-web-llm.ts'

export interface NetworkParts {
  readonly startWorker: () => WorkerLike
  readonly teacher: Pick<SupervisedWorker<TeacherContract>, 'remote' | 'alive'>
  /** Address of the page: its own origin needs no permission. */
  readonly page: string
  /** A request's latest state. `worker` counts the network workers started so far: ids are unique within one. */
  readonly onTraffic: (traffic: Traffic, worker: number) => void
  /** What is permitted now; empty when the network worker is off. */
  readonly onPermissions: (permissions: readonly Permission[]) => void
}

type PermittedSource = Parameters<typeof permissionOf>[0]

/** A permission in force. */
interface Grant {
  readonly permission: Permission
  readonly end: () => Promise<void>
}

export class NetworkAccess {
  /** The teacher, for which the network is switched on and off. Its methods are the same. */
  readonly teacher: Remote<TeacherContract>
  readonly #parts: NetworkParts
  readonly #worker: SupervisedWorker<NetworkContract>
  #started = 0
  readonly #grants = new Set<Grant>()
  /** The loaded model server's. */
  #held: Grant | undefined

  constructor(parts: NetworkParts) {
    this.#parts = parts
    this.#worker = openWorker<NetworkContract>(parts.startWorker, { onDeath: () => this.#stopped() })
    this.teacher = this.#guard(parts.teacher.remote)
  }

  /**
   * The teacher's worker has died: a loaded server is lost. Calls that still run may be sent to its successor, which gets a port of its own.
   */
  reset(): void {
    void this.#hold(undefined)
    if (this.#grants.size > 0 && this.#worker.alive) this.#connect()
  }

  #guard(remote: Remote<TeacherContract>): Remote<TeacherContract> {
    const permit = (source: PermittedSource): Promise<Permission | undefined> => this.#permit(source)
    const guarded: Partial<Remote<TeacherContract>> = {
      browse: (request, options) =>
        this.#during(permit({ kind: 'hub', url: request.url }), () => remote.browse(request, options)),
      inspect: (request, options) =>
        this.#during(permit(request.source), () => remote.inspect(request, options)),
      download: (request, options) =>
        this.#during(permit(request.source), () => remote.download(request, options)),
      listServedModels: (request, options) =>
        this.#during(permit({ kind: 'endpoint', ...request }), () =>
          remote.listServedModels(request, options),
        ),
      load: (request, options) => this.#load(request.source, () => remote.load(request, options)),
      unload: async (request, options) => {
        try {
          return await remote.unload(request, options)
        } finally {
          await this.#hold(undefined)
        }
      },
    }
    return new Proxy(remote, {
      get: (target, name) => Reflect.get(guarded, name) ?? Reflect.get(target, name),
    })
  }

  async #permit(source: PermittedSource): Promise<Permission | undefined> {
    const catalogue = source.kind === 'web-llm' ? await readWebLlmCatalogue() : undefined
    return permissionOf(source, this.#parts.page, (id) => catalogue?.findWebLlmModel(id))
  }

  async #during<T>(needed: Promise<Permission | undefined>, work: () => Promise<T>): Promise<T> {
    const permission = await needed
    if (permission === undefined) return work()
    const grant = await this.#grant(permission)
    try {
      return await work()
    } finally {
      await grant.end()
    }
  }

  /** A loaded server keeps its permission until another model takes its place. */
  async #load<T>(source: ModelSource, load: () => Promise<T>): Promise<T> {
    const permission = await this.#permit(source)
    const grant = permission && (await this.#grant(permission))
    let loaded = false
    try {
      const result = await load()
      loaded = true
      return result
    } finally {
      const isServer = loaded && source.kind === 'endpoint'
      if (!isServer) await grant?.end()
      if (loaded) await this.#hold(isServer ? grant : undefined)
      // After a failure the earlier model may be unloaded, or not.
      else if (this.#held !== undefined && (await this.#loadedBackend()) !== 'server')
        await this.#hold(undefined)
    }
  }

  async #loadedBackend(): Promise<string | undefined> {
    const { remote, alive } = this.#parts.teacher
    return alive ? (await remote.describe(null).catch(() => null))?.backend : undefined
  }

  async #hold(grant: Grant | undefined): Promise<void> {
    const before = this.#held
    this.#held = grant
    await before?.end()
  }

  /** Starts the worker if it is off, and waits until the permission is in force. */
  async #grant(permission: Permission): Promise<Grant> {
    if (!this.#worker.alive) this.#connect()
    const abort = new AbortController()
    let isReady = (): void => undefined
    const ready = new Promise<void>((resolve) => (isReady = resolve))
    const ended = this.#worker.remote.allow(permission, { signal: abort.signal, onEvent: isReady })
    ended.catch(() => undefined) // it fails with the worker
    const grant: Grant = {
      permission,
      end: async () => {
        if (!this.#grants.delete(grant)) return
        this.#report()
        abort.abort()
        // The reply comes after the last report of traffic.
        await ended.catch(() => undefined)
        if (this.#grants.size === 0) this.#worker.terminate('The network worker was switched off.')
      },
    }
    this.#grants.add(grant)
    this.#report()
    await Promise.race([ready, ended])
    return grant
  }

  #connect(): void {
    if (!this.#worker.alive) this.#started++
    const worker = this.#started
    const { port1, port2 } = new MessageChannel()
    const { teacher, onTraffic } = this.#parts
    this.#worker.remote
      .connect({ port: port1 }, { transfer: [port1], onEvent: (traffic) => onTraffic(traffic, worker) })
      .catch(() => undefined) // it ends with the worker
    teacher.remote.useNetwork({ port: port2 }, { transfer: [port2] }).catch(() => undefined)
  }

  #stopped(): void {
    this.#grants.clear()
    this.#held = undefined
    this.#report()
    const { teacher } = this.#parts
    if (teacher.alive) teacher.remote.useNetwork({ port: null }).catch(() => undefined)
  }

  #report(): void {
    this.#parts.onPermissions([...this.#grants].map(({ permission }) => permission))
  }
}
