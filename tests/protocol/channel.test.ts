// The channel over a real MessageChannel: every ask is answered, whatever breaks.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { connect, openWorker, serve, type PortLike, type Served } from '../../src/protocol/channel.ts'
import { Transferred, type Method } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { WorkerStandIn } from '../stand-ins/worker.ts'

interface Contract {
  double: Method<number, number>
  count: Method<{ to: number }, string, number>
  fail: Method<{ how: 'named' | 'stranger' | 'abort' | 'text' }, null>
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
      signal.addEventListener('abort', () => resolve('heard the abort'))
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
    throw new RetortError('DeviceLost', 'The GPU was lost while training.')
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

describe('an ask', () => {
  test('gets its own answer, however many wait', async () => {
    const { remote } = connected()
    expect(await Promise.all([1, 2, 3, 4].map((n) => remote.double(n)))).toEqual([2, 4, 6, 8])
  })

  test('hears its events in order, and none after the answer', async () => {
    const { remote } = connected()
    const heard: number[] = []
    expect(await remote.count({ to: 4 }, { onEvent: (n) => heard.push(n) })).toBe('counted to 4')
    lateEmits.pop()?.()
    await remote.double(1)
    expect(heard).toEqual([1, 2, 3, 4])
  })

  test('gets errors under their names, and strangers as what they say', async () => {
    const { remote } = connected()
    await expect(remote.fail({ how: 'named' })).rejects.toMatchObject({
      name: 'StorageFull',
      message: 'The disk is full.',
    })
    await expect(remote.fail({ how: 'stranger' })).rejects.toMatchObject({
      name: 'Unexpected',
      message: 'x is undefined',
    })
    await expect(remote.fail({ how: 'text' })).rejects.toMatchObject({
      name: 'Unexpected',
      message: 'just a text',
    })
    await expect(remote.fail({ how: 'abort' })).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('that is aborted ends the signal on the other side', async () => {
    const { remote } = connected()
    const abort = new AbortController()
    const heard: string[] = []
    const answer = remote.wait(null, { signal: abort.signal, onEvent: (event) => heard.push(event) })
    await vi.waitFor(() => expect(heard).toEqual(['waiting']))
    abort.abort()
    expect(await answer).toBe('heard the abort')
  })

  test('under a signal that has ended never crosses', async () => {
    const { remote, here } = connected()
    const post = vi.spyOn(here, 'postMessage')
    await expect(remote.double(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })
    expect(post).not.toHaveBeenCalled()
  })

  test('for a method that is not there is an error, for inherited names too', async () => {
    const { remote } = connected()
    const any = remote as unknown as Record<string, (request: unknown) => Promise<unknown>>
    for (const name of ['nothing', 'constructor', 'toString', '__proto__'])
      await expect(any[name]?.(null) ?? Promise.reject(new Error('no')), name).rejects.toThrow(/no method|no/)
    await expect(any['nothing']?.(null)).rejects.toThrow('The worker has no method “nothing”.')
  })

  test('whose request or answer cannot be cloned is rejected, not silent', async () => {
    const { remote } = connected()
    await expect(remote.unclonable(null)).rejects.toMatchObject({ name: 'Unexpected' })
    await expect(remote.double((() => 1) as unknown as number)).rejects.toThrow()
    expect(await remote.double(4)).toBe(8)
  })

  test('hands buffers over: what was sent is gone on this side', async () => {
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

  test('is not disturbed by messages that are none of ours', async () => {
    const { here, there } = pair()
    serve<Contract>(implementation(), there)
    const { remote } = connect<Contract>(here)
    for (const stranger of [
      null,
      7,
      'ask',
      {},
      { retort: 'answer' },
      { retort: 'answer', id: 'x', answer: 1 },
      { retort: 'error', id: 1, error: 'no' },
      { type: 'webpackOk', id: 1 },
    ]) {
      here.postMessage(stranger)
      there.postMessage(stranger)
    }
    expect(await remote.double(21)).toBe(42)
  })
})

describe('a port that breaks', () => {
  const breaking = (type: string, detail?: string) => async (): Promise<void> => {
    const { remote, here } = connected()
    const deaths: string[] = []
    const { remote: watched } = connect<Contract>(here as PortLike & MessagePort, (why) => deaths.push(why))
    const waiting = [watched.wait(null), watched.wait(null)]
    here.dispatchEvent(Object.assign(new Event(type), detail === undefined ? {} : { message: detail }))
    for (const one of waiting)
      await expect(one).rejects.toMatchObject({
        name: 'WorkerDied',
        message: expect.stringMatching(/What was stored is safe; try again\.$/),
      })
    await expect(watched.double(1)).rejects.toMatchObject({ name: 'WorkerDied' })
    expect(deaths).toHaveLength(1)
    if (detail !== undefined) expect(deaths[0]).toContain(detail)
    expect(remote).toBeDefined()
  }
  test('by an error rejects all that waits and all that is asked later', breaking('error', 'out of memory'))
  test('by a message that cannot be read does the same', breaking('messageerror'))

  test('on the serving side aborts what is under way when it is stopped', async () => {
    const { here, there } = pair()
    let heard = false
    const stop = serve<Contract>(
      {
        ...implementation(),
        wait: (_, { signal }) =>
          new Promise((resolve) => signal.addEventListener('abort', () => resolve(String((heard = true))))),
      },
      there,
    )
    const { remote } = connect<Contract>(here)
    void remote.wait(null).catch(() => undefined)
    await remote.double(1)
    stop()
    expect(heard).toBe(true)
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
      (why) => deaths.push(why),
    )
    return { workers, deaths, worker }
  }

  test('is started when first asked, and one is enough', async () => {
    const { workers, worker } = supervised()
    expect([workers.length, worker.alive]).toEqual([0, false])
    await Promise.all([worker.remote.double(1), worker.remote.double(2)])
    expect([workers.length, worker.alive]).toEqual([1, true])
    worker.terminate()
  })

  test('that died rejects what waits, and a new one answers the next ask', async () => {
    const { workers, deaths, worker } = supervised()
    const waiting = worker.remote.wait(null)
    workers[0]?.breakDown('the wasm ran out of memory')
    await expect(waiting).rejects.toMatchObject({
      name: 'WorkerDied',
      message: expect.stringContaining('the wasm ran out of memory'),
    })
    expect(deaths).toHaveLength(1)
    expect(worker.alive).toBe(false)
    expect(await worker.remote.double(5)).toBe(10)
    expect(workers).toHaveLength(2)
    worker.terminate()
  })

  test('whose graphics card is lost is ended after it has said so, and a new one answers the next ask', async () => {
    const { workers, deaths, worker } = supervised()
    const waiting = worker.remote.wait(null)
    await expect(worker.remote.lose(null)).rejects.toMatchObject({
      name: 'DeviceLost',
      message: 'The GPU was lost while training.',
    })
    await expect(waiting).rejects.toMatchObject({ name: 'WorkerDied' })
    expect(deaths).toEqual(['The GPU was lost while training.'])
    expect(workers[0]?.ended).toBe(true)
    expect(await worker.remote.double(5)).toBe(10)
    expect(workers).toHaveLength(2)
    worker.terminate()
  })

  test('that is ended by hand says why', async () => {
    const { workers, worker } = supervised()
    const waiting = worker.remote.wait(null)
    worker.terminate('The model was let go.')
    await expect(waiting).rejects.toThrow('The model was let go.')
    expect(workers[0]?.ended).toBe(true)
  })
})
