// Knows: when the network worker runs: during calls that need it, and as long as a model server is the loaded teacher.
import { beforeEach, describe, expect, test } from 'vitest'
import { NetworkAccess } from '../../../src/actions/machine/network-access.ts'
import type { Permission, Traffic } from '../../../src/domain/traffic.ts'
import { connect, serve, type PortLike } from '../../../src/protocol/channel.ts'
import type { FetchContract, NetworkContract } from '../../../src/protocol/network.ts'
import type { SupervisedWorker, WorkerLike } from '../../../src/protocol/supervised-worker.ts'
import type { TeacherContract } from '../../../src/protocol/teacher.ts'
import { makeNetworkService } from '../../../workers/network/serve-network.ts'

const HUB = { url: 'https://hub.example/owner/tiny' }
const SERVER = { kind: 'endpoint', url: 'http://localhost:8080/v1', model: 'm' } as const
const LOAD = { backend: 'wasm', keep: false, contextLength: 64 } as const

let workers: { terminated: boolean; crash(): void }[]
let ports: (MessagePort | null)[]
let permitted: (readonly Permission[])[]
let traffic: Traffic[]
let access: NetworkAccess
/** What the teacher does during a call, and whether a server is loaded after a failure. */
let during: () => Promise<void>
let backend = 'server'

function startWorker(): WorkerLike {
  const { port1, port2 } = new MessageChannel()
  const stop = serve<NetworkContract>(
    makeNetworkService(async () => new Response('ok')),
    port1 as unknown as PortLike,
  )
  const listeners: ((event: Event) => void)[] = []
  const worker = {
    terminated: false,
    crash: () => listeners.forEach((listener) => listener(new Event('error'))),
  }
  workers.push(worker)
  return {
    postMessage: (message, transfer) => port2.postMessage(message, transfer),
    addEventListener: (type, listener) => {
      if (type === 'error') listeners.push(listener)
      port2.addEventListener(type, listener)
      port2.start()
    },
    removeEventListener: (type, listener) => port2.removeEventListener(type, listener),
    terminate: () => {
      worker.terminated = true
      stop()
      port1.close()
      port2.close()
    },
  }
}

beforeEach(() => {
  workers = []
  ports = []
  permitted = []
  traffic = []
  during = async () => undefined
  backend = 'server'
  const calls: Partial<SupervisedWorker<TeacherContract>['remote']> = {
    useNetwork: async ({ port }) => {
      ports.push(port)
      return null
    },
    browse: async () => {
      await during()
      return { name: 'owner/tiny', commit: 'c', variants: [] }
    },
    load: async () => {
      await during()
      return { backend } as never // the test reads nothing else
    },
    unload: async () => null,
    describe: async () => ({ backend }) as never, // the same
  }
  access = new NetworkAccess({
    startWorker,
    teacher: { remote: calls as SupervisedWorker<TeacherContract>['remote'], alive: true }, // the methods that are called
    page: 'https://page.example/',
    onTraffic: (event) => void traffic.push(event),
    onPermissions: (permissions) => void permitted.push(permissions),
  })
})
const running = (): number => workers.filter(({ terminated }) => !terminated).length

describe('the network worker', () => {
  test('runs during a call that needs it, with this call’s permission, and is terminated after it', async () => {
    during = async () => {
      expect(running()).toBe(1)
      expect(permitted.at(-1)?.[0]?.addresses).toEqual([
        'https://hub.example/api/models/owner/tiny',
        'https://hub.example/owner/tiny/resolve/',
      ])
      const [port] = ports
      if (!port) throw new Error('the teacher got no port')
      const { remote } = connect<FetchContract>(port as unknown as PortLike)
      const url = 'https://hub.example/api/models/owner/tiny'
      expect((await remote.open({ url, method: 'GET', headers: [], refusesRedirects: false })).ok).toBe(true)
      port.close()
    }
    await access.teacher.browse(HUB)
    expect([running(), workers.length, permitted.at(-1)]).toEqual([0, 1, []])
    expect(ports.at(-1)).toBe(null)
    // Its reports arrive before it is terminated.
    expect(traffic.at(-1)).toMatchObject({ host: 'hub.example', status: 'finished' })
  })

  test('is not started for what is on this machine or on the page’s host', async () => {
    await access.teacher.load({ ...LOAD, source: { kind: 'stored', name: 'a' } })
    await access.teacher.load({ ...LOAD, source: { kind: 'url', url: 'https://page.example/models/a.gguf' } })
    expect(workers).toEqual([])
  })

  test('ends with a call that fails', async () => {
    during = async () => {
      throw new Error('no such model')
    }
    await expect(access.teacher.browse(HUB)).rejects.toThrow('no such model')
    expect(running()).toBe(0)
  })

  test('stays on for a loaded server until it is unloaded or another model takes its place', async () => {
    await access.teacher.load({ ...LOAD, source: SERVER })
    expect(running()).toBe(1)
    await access.teacher.browse(HUB)
    expect([running(), permitted.at(-1)?.length]).toEqual([1, 1])
    await access.teacher.load({ ...LOAD, source: { kind: 'stored', name: 'a' } })
    expect(running()).toBe(0)
    await access.teacher.load({ ...LOAD, source: SERVER })
    await access.teacher.unload(null)
    expect([running(), permitted.at(-1)]).toEqual([0, []])
  })

  test('keeps the loaded server’s permission if loading another model fails before that takes its place, else not', async () => {
    await access.teacher.load({ ...LOAD, source: SERVER })
    during = async () => {
      throw new Error('refused')
    }
    const other = access.teacher.load({ ...LOAD, source: { kind: 'stored', name: 'a' } })
    await expect(other).rejects.toThrow('refused')
    expect(running()).toBe(1)
    backend = 'wasm'
    await expect(access.teacher.load({ ...LOAD, source: { kind: 'stored', name: 'b' } })).rejects.toThrow(
      'refused',
    )
    expect(running()).toBe(0)
  })

  test('permits nothing any more after a crash of its own or of the teacher', async () => {
    await access.teacher.load({ ...LOAD, source: SERVER })
    workers[0]?.crash()
    expect([running(), permitted.at(-1), ports.at(-1)]).toEqual([0, [], null])
    await access.teacher.load({ ...LOAD, source: SERVER })
    access.reset()
    expect(permitted.at(-1)).toEqual([])
    await expect.poll(running).toBe(0)
    expect(workers).toHaveLength(2)
  })

  test('gives a port to the teacher’s next worker if a call outlives the first', async () => {
    during = async () => {
      access.reset()
      expect([running(), ports.length, ports.every((port) => port !== null)]).toEqual([1, 2, true])
    }
    await access.teacher.browse(HUB)
    expect([running(), workers.length]).toEqual([0, 1])
  })
})
