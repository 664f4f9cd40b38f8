// The channel over a real MessageChannel: every request gets a reply, whatever breaks.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { connect, serve, type PortLike, type Served } from '../../src/protocol/channel.ts'
import { Transferred, type Method } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { openWorker } from '../../src/protocol/supervised-worker.ts'
import { WorkerStandIn } from '../stand-ins/worker.ts'

interface Contract {
  double: Method<number, number>
  count: Method<{ to: number }, string, number>
  fail: Method<{ how: 'named' | 'unknown' | 'abort' | 'text' }, null>
  wait: Method<null, string, 'waiting'>
  reverse: Method<{ bytes: Uint8Array }, { bytes: Uint8Array }>
  part: Method<null, null, Uint8Array>
  unclonable: Method<null, unknown>
  lose: Method<null, null>
}

const lateEmits: (() => void)[] = []
const implementation = (): Served<Contract> => ({
  double: async (n) => 2 * n,
  count: async ({ to }, { emit }) => {
    for (let i = 1; i <= to; i++) emit(i)
    lateEmits.push(() => emit(99))
    return `counted to ${to}`
  },
  fail: async ({ how }) => {
    if (how === 'named') throw new RetortError('StorageFull', 'The disk is full.')
    if (how === 'abort') throw new DOMException('stopped', 'AbortError')
    throw how === 'text' ? 'just a text' : new TypeError('x is undefined')
  },
  wait: (_, { signal, emit }) =>
    new Promise((resolve) => {
      emit('waiting')
      signal.addEventListener('abort', () => resolve('received the abort'))
    }),
  reverse: async ({ bytes }) => new Transferred({ bytes: bytes.toReversed() }, []),
  part: async (_, { emit }) => {
    const bytes = new Uint8Array([1, 2, 3])
    emit(bytes, [bytes.buffer])
    expect(bytes.byteLength).toBe(0)
    return null
  },
  unclonable: async () => () => 'functions cannot cross',
  lose: async () => {
    throw new RetortError('DeviceLost', 'The graphics card was lost while training.')
  },
})

const open: MessagePort[] = []
function pair(): { here: PortLike & MessagePort; there: PortLike & MessagePort } {
  const { port1, port2 } = new MessageChannel()
  open.push(port1, port2)
  return { here: port1 as PortLike & MessagePort, there: port2 as PortLike & MessagePort }
}
function connected(): ReturnType<typeof connect<Contract>> & { here: MessagePort; stop: () => void } {
  const { here, there } = pair()
  const stop = serve<Contract>(implementation(), there)
  return { ...connect<Contract>(here), here, stop }
}
afterEach(() => {
  for (const port of open.splice(0)) port.close()
})

describe('a request', () => {
  test('gets its own response, however many are pending', async () => {
    const { remote } = connected()
    expect(await Promise.all([1, 2, 3, 4].map((n) => remote.double(n)))).toEqual([2, 4, 6, 8])
  })

  test('receives its events in order, and none after the response', async () => {
    const { remote } = connected()
    const events: number[] = []
    expect(await remote.count({ to: 4 }, { onEvent: (n) => events.push(n) })).toBe('counted to 4')
    lateEmits.pop()?.()
    await remote.double(1)
    expect(events).toEqual([1, 2, 3, 4])
  })

  test('rejects with named errors under their names and with others as Unexpected', async () => {
    const { remote } = connected()
    await expect(remote.fail({ how: 'named' })).rejects.toMatchObject({
      name: 'StorageFull',
      message: 'The disk is full.',
    })
    await expect(remote.fail({ how: 'unknown' })).rejects.toMatchObject({
      name: 'Unexpected',
      message: 'x is undefined',
    })
    await expect(remote.fail({ how: 'text' })).rejects.toMatchObject({
      name: 'Unexpected',
      message: 'just a text',
    })
    await expect(remote.fail({ how: 'abort' })).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('aborts the signal on the serving side when it is aborted', async () => {
    const { remote } = connected()
    const abort = new AbortController()
    const events: string[] = []
    const response = remote.wait(null, { signal: abort.signal, onEvent: (event) => events.push(event) })
    await vi.waitFor(() => expect(events).toEqual(['waiting']))
    abort.abort()
    expect(await response).toBe('received the abort')
  })

  test('is not sent under a signal that is already aborted', async () => {
    const { remote, here } = connected()
    const post = vi.spyOn(here, 'postMessage')
    await expect(remote.double(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })
    expect(post).not.toHaveBeenCalled()
  })

  test('rejects for a method that does not exist, even under an inherited name', async () => {
    const { remote } = connected()
    const any = remote as unknown as Record<string, (request: unknown) => Promise<unknown>>
    for (const name of ['nothing', 'constructor', 'toString', '__proto__'])
      await expect(any[name]?.(null) ?? Promise.reject(new Error('no')), name).rejects.toThrow(/no method|no/)
    await expect(any['nothing']?.(null)).rejects.toThrow('The worker has no method “nothing”.')
  })

  test('rejects if its request or response cannot be cloned', async () => {
    const { remote } = connected()
    await expect(remote.unclonable(null)).rejects.toMatchObject({ name: 'Unexpected' })
    await expect(remote.double((() => 1) as unknown as number)).rejects.toThrow()
    expect(await remote.double(4)).toBe(8)
  })

  test('transfers buffers, which are then empty on the sending side', async () => {
    const { remote } = connected()
    const bytes = new Uint8Array([1, 2, 3])
    expect((await remote.reverse({ bytes }, { transfer: [bytes.buffer] })).bytes).toEqual(
      new Uint8Array([3, 2, 1]),
    )
    expect(bytes.byteLength).toBe(0)
    const parts: Uint8Array[] = []
    await remote.part(null, { onEvent: (part) => parts.push(part) })
    expect(parts).toEqual([new Uint8Array([1, 2, 3])])
  })

  test('ignores messages of other protocols', async () => {
    const { here, there } = pair()
    serve<Contract>(implementation(), there)
    const { remote } = connect<Contract>(here)
    for (const other of [
      null,
      7,
      'request',
      {},
      { retort: 'response' },
      { retort: 'response', id: 'x', response: 1 },
      { retort: 'error', id: 1, error: 'no' },
      { type: 'webpackOk', id: 1 },
    ]) {
      here.postMessage(other)
      there.postMessage(other)
    }
    expect(await remote.double(21)).toBe(42)
  })
})

describe('a failing port', () => {
  const failing = (type: string, detail?: string) => async (): Promise<void> => {
    const { remote, here } = connected()
    const deaths: string[] = []
    const { remote: watched } = connect<Contract>(here as PortLike & MessagePort, (reason) =>
      deaths.push(reason),
    )
    const pending = [watched.wait(null), watched.wait(null)]
    here.dispatchEvent(Object.assign(new Event(type), detail === undefined ? {} : { message: detail }))
    for (const request of pending)
      await expect(request).rejects.toMatchObject({
        name: 'WorkerDied',
        message: expect.stringMatching(/Stored data is safe; try again\.$/),
      })
    await expect(watched.double(1)).rejects.toMatchObject({ name: 'WorkerDied' })
    expect(deaths).toHaveLength(1)
    if (detail !== undefined) expect(deaths[0]).toContain(detail)
    expect(remote).toBeDefined()
  }
  test('rejects pending and later requests after an error', failing('error', 'out of memory'))
  test('rejects pending and later requests after an unreadable message', failing('messageerror'))

  test('aborts the requests in progress when serving stops', async () => {
    const { here, there } = pair()
    let aborted = false
    const stop = serve<Contract>(
      {
        ...implementation(),
        wait: (_, { signal }) =>
          new Promise((resolve) => signal.addEventListener('abort', () => resolve(String((aborted = true))))),
      },
      there,
    )
    const { remote } = connect<Contract>(here)
    void remote.wait(null).catch(() => undefined)
    await remote.double(1)
    stop()
    expect(aborted).toBe(true)
  })
})

describe('a supervised worker', () => {
  function supervised(): {
    workers: WorkerStandIn<Contract>[]
    deaths: string[]
    worker: ReturnType<typeof openWorker<Contract>>
  } {
    const workers: WorkerStandIn<Contract>[] = []
    const deaths: string[] = []
    const worker = openWorker<Contract>(
      () => {
        const made = new WorkerStandIn<Contract>(implementation())
        workers.push(made)
        return made
      },
      { onDeath: (reason) => deaths.push(reason) },
    )
    return { workers, deaths, worker }
  }

  test('starts on the first request, and only once', async () => {
    const { workers, worker } = supervised()
    expect([workers.length, worker.alive]).toEqual([0, false])
    await Promise.all([worker.remote.double(1), worker.remote.double(2)])
    expect([workers.length, worker.alive]).toEqual([1, true])
    worker.terminate()
  })

  test('rejects pending requests when it crashes and restarts on the next one', async () => {
    const { workers, deaths, worker } = supervised()
    const pending = worker.remote.wait(null)
    workers[0]?.breakDown('the wasm ran out of memory')
    await expect(pending).rejects.toMatchObject({
      name: 'WorkerDied',
      message: expect.stringContaining('the wasm ran out of memory'),
    })
    expect(deaths).toHaveLength(1)
    expect(worker.alive).toBe(false)
    expect(await worker.remote.double(5)).toBe(10)
    expect(workers).toHaveLength(2)
    worker.terminate()
  })

  test('is terminated after it reports a lost graphics card and restarts on the next request', async () => {
    const { workers, deaths, worker } = supervised()
    const pending = worker.remote.wait(null)
    await expect(worker.remote.lose(null)).rejects.toMatchObject({
      name: 'DeviceLost',
      message: 'The graphics card was lost while training.',
    })
    await expect(pending).rejects.toMatchObject({ name: 'WorkerDied' })
    expect(deaths).toEqual(['The graphics card was lost while training.'])
    expect(workers[0]?.ended).toBe(true)
    expect(await worker.remote.double(5)).toBe(10)
    expect(workers).toHaveLength(2)
    worker.terminate()
  })

  test('rejects pending requests with the given reason when it is terminated', async () => {
    const { workers, worker } = supervised()
    const pending = worker.remote.wait(null)
    worker.terminate('The model was unloaded.')
    await expect(pending).rejects.toThrow('The model was unloaded.')
    expect(workers[0]?.ended).toBe(true)
  })
})
