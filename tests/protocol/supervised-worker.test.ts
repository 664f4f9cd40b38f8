// Knows: what the page does if a worker cannot start the runtime, or does not reply when it is cancelled.
import { expect, test, vi } from 'vitest'
import type { Method } from '../../src/protocol/contract.ts'
import { openWorker, type WorkerOptions } from '../../src/protocol/supervised-worker.ts'
import type { FromStart } from '../../src/protocol/start.ts'
import { WorkerStandIn } from '../stand-ins/worker.ts'

interface Contract {
  load: Method<string, string, string>
  /** Like `load`, on a number of threads that the page does not choose. */
  loadOn: Method<number, string>
  quick: Method<number, number>
}

/** How the start in one worker ends. */
type Fate = 'starts' | 'hangs' | 'refuses' | 'crashes' | 'is silent' | 'has no script'

/** Workers with the given fates, one after another; `threads` has the number each was started with. */
function open(fates: readonly Fate[], cores = 4, options: WorkerOptions = {}) {
  const threads: number[] = []
  const notes: string[] = []
  const deaths: string[] = []
  const workers: WorkerStandIn<Contract>[] = []
  const make = (): WorkerStandIn<Contract> => {
    const fate = fates[workers.length] ?? 'starts'
    const worker: WorkerStandIn<Contract> = new WorkerStandIn<Contract>({
      quick: async (n) => n * 2,
      load: async (name, { emit }) => {
        if (fate === 'is silent') return new Promise<never>(() => undefined)
        if (fate === 'has no script') {
          worker.breakDown('')
          return new Promise<never>(() => undefined)
        }
        emit('building')
        return startOn((await worker.chooseThreads()) ?? cores, name)
      },
      loadOn: (count) => startOn(count, 'b'),
    })
    const startOn = async (count: number, name: string): Promise<string> => {
      threads.push(count)
      const report = (message: FromStart): void => worker.report(message)
      report({ retort: 'start-begun', threads: count })
      if (fate === 'hangs') return new Promise<never>(() => undefined)
      if (fate === 'crashes') {
        await new Promise((resolve) => setTimeout(resolve, 10)) // the page has read the message above
        worker.breakDown('no room for a thread')
        return new Promise<never>(() => undefined)
      }
      if (fate === 'refuses') {
        report({ retort: 'start-failed', reason: 'The memory ran out while starting the runtime.' })
        throw new Error('not reached')
      }
      report({ retort: 'start-ended' })
      return `${name} loaded`
    }
    workers.push(worker)
    return worker
  }
  const worker = openWorker<Contract>(make, {
    onDeath: (reason) => deaths.push(reason),
    onNote: (sentence) => notes.push(sentence),
    startLimit: 60,
    ...options,
  })
  return { worker, workers, threads, notes, deaths }
}

test('starts a hanging runtime once more in another worker with as many threads, and reports it', async () => {
  const { worker, workers, threads, notes } = open(['hangs'])
  const events: string[] = []
  expect(await worker.remote.load('a', { onEvent: (event) => events.push(event) })).toBe('a loaded')
  expect(threads).toEqual([4, 4])
  expect(workers[0]?.ended).toBe(true)
  expect(events).toEqual(['building', 'building'])
  expect(notes).toEqual([
    'The runtime did not start at first and was started again in a new worker. Nothing is lost.',
  ])
})

test('falls back to one thread if memory or the browser refuses several, and stays there', async () => {
  for (const fate of ['refuses', 'crashes'] as const) {
    const { worker, threads, notes } = open([fate])
    expect(await worker.remote.load('a')).toBe('a loaded')
    worker.terminate()
    expect(await worker.remote.load('b')).toBe('b loaded')
    expect(threads).toEqual([4, 1, 1])
    expect(notes).toHaveLength(1)
    expect(notes[0]).toMatch(
      /^The runtime did not start with 4 threads \(.+\)\. It runs on one thread, which is slower\.$/,
    )
  }
})

test('gives up with a sentence if one thread does not start either, and tries again at the next request', async () => {
  const { worker, threads } = open(['hangs', 'hangs', 'hangs', 'starts'])
  await expect(worker.remote.load('a')).rejects.toThrow(/did not start within 0 seconds/)
  expect(threads).toEqual([4, 4, 1])
  expect(worker.alive).toBe(false)
  expect(await worker.remote.load('b')).toBe('b loaded')
})

test('starts a worker once more that stays silent or whose script is not loaded, then gives up', async () => {
  for (const fate of ['is silent', 'has no script'] as const) {
    const lucky = open([fate], 4, { readyLimit: 60 })
    expect(await lucky.worker.remote.load('a')).toBe('a loaded')
    expect(lucky.workers).toHaveLength(2)
    const unlucky = open([fate, fate, 'starts'], 4, { readyLimit: 60 })
    await expect(unlucky.worker.remote.load('a')).rejects.toMatchObject({ name: 'StartFailed' })
    expect(unlucky.worker.alive).toBe(false)
    expect(await unlucky.worker.remote.load('b')).toBe('b loaded')
  }
})

test('starts on one thread if the choice of their number takes too long', async () => {
  const { worker, threads } = open([], 4, {
    chooseThreads: () => new Promise(() => undefined),
    choiceLimit: 30,
  })
  expect(await worker.remote.load('a')).toBe('a loaded')
  expect(threads).toEqual([1])
})

test('gives up if a request that names its number of threads never starts', async () => {
  const { worker, threads } = open(['hangs', 'hangs', 'hangs', 'hangs'])
  await expect(worker.remote.loadOn(2)).rejects.toMatchObject({ name: 'StartFailed' })
  expect(threads).toEqual([2, 2, 2])
})

test('tries no start again where none is wanted', async () => {
  const { worker, threads } = open(['hangs'], 4, { retries: false })
  await expect(worker.remote.loadOn(2)).rejects.toMatchObject({ name: 'StartFailed' })
  expect(threads).toEqual([2])
})

test('does not send again what was transferred', async () => {
  const { worker, threads } = open(['hangs'])
  const { port1 } = new MessageChannel()
  await expect(worker.remote.load('a', { transfer: [port1] })).rejects.toMatchObject({ name: 'StartFailed' })
  expect(threads).toEqual([4])
})

test('terminates a worker that does not reply to a cancel in time, and starts another for the next request', async () => {
  const { worker, workers, deaths } = open(['hangs', 'starts'])
  const abort = new AbortController()
  const loading = worker.remote.load('a', { signal: abort.signal, patience: 20 })
  const rejected = expect(loading).rejects.toMatchObject({ name: 'AbortError' })
  await vi.waitFor(() => expect(workers).toHaveLength(1))
  abort.abort()
  await rejected
  expect(workers[0]?.ended).toBe(true)
  expect(deaths).toHaveLength(1)
  expect(await worker.remote.load('b')).toBe('b loaded')
})

test('waits with the termination until the worker’s other requests have ended', async () => {
  let finish: (n: number) => void = () => undefined
  const workers: WorkerStandIn<Contract>[] = []
  const worker = openWorker<Contract>(() => {
    const made = new WorkerStandIn<Contract>({
      quick: () => new Promise<number>((resolve) => (finish = resolve)),
      load: () => new Promise<never>(() => undefined),
      loadOn: () => new Promise<never>(() => undefined),
    })
    workers.push(made)
    return made
  })
  const abort = new AbortController()
  const loading = worker.remote.load('a', { signal: abort.signal, patience: 20 })
  const rejected = expect(loading).rejects.toMatchObject({ name: 'AbortError' })
  const other = worker.remote.quick(1)
  await vi.waitFor(() => expect(workers).toHaveLength(1))
  abort.abort()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(workers[0]?.ended).toBe(false)
  finish(7)
  expect(await other).toBe(7)
  await rejected
  expect(workers[0]?.ended).toBe(true)
})

test('starts no worker before it may, keeps the order of requests, and drops one that was cancelled meanwhile', async () => {
  let allow: () => void = () => undefined
  const mayStart = new Promise<void>((resolve) => (allow = resolve))
  const { worker, workers } = open(['starts'], 4, { mayStart })
  const abort = new AbortController()
  const replies: number[] = []
  const requests = [1, 2, 3].map((n) =>
    worker.remote
      .quick(n, n === 2 ? { signal: abort.signal } : {})
      .then((reply) => replies.push(reply))
      .catch((thrown: unknown) => thrown),
  )
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(workers).toEqual([])
  abort.abort()
  allow()
  const [, second] = await Promise.all(requests)
  expect(second).toMatchObject({ name: 'AbortError' })
  expect(replies).toEqual([2, 6])
  expect(workers).toHaveLength(1)
})
