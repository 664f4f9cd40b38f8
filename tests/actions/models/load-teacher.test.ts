// Knows: that a model that is never ready is loaded once more in another worker and then refused, and a slow one is waited for.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { buildLimit, loadTeacher, READ_LIMIT } from '../../../src/actions/models/load-teacher.ts'
import type { Machines } from '../../../src/actions/machines.ts'
import { freshId } from '../../../src/domain/id.ts'
import type { Served } from '../../../src/protocol/channel.ts'
import { openWorker } from '../../../src/protocol/supervised-worker.ts'
import type { LoadProgress, TeacherContract } from '../../../src/protocol/teacher.ts'
import { finish } from '../../stand-ins/machines.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { WorkerStandIn } from '../../stand-ins/worker.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

interface Contract {
  load: TeacherContract['load']
}
type Load = Served<Contract>['load']
const LOADED = DESCRIPTION
const BYTES = 1_000_000

/** Loads in workers that load as given, one after another. */
function begin(...loads: readonly Load[]) {
  const workers: WorkerStandIn<Contract>[] = []
  const { remote } = openWorker<Contract>(() => {
    const worker = new WorkerStandIn<Contract>({ load: loads[workers.length] ?? (async () => LOADED) })
    workers.push(worker)
    return worker
  })
  const machines = { teacher: remote } as unknown as Machines // nothing else is used without a stored copy
  const abort = new AbortController()
  const loading = finish(
    loadTeacher(
      machines,
      {
        projectId: freshId('project'),
        source: { kind: 'url', url: 'https://a.example/m.gguf' },
        backend: 'wasm',
        keep: false,
        contextLength: 64,
        fileBytes: BYTES,
      },
      abort.signal,
    ),
  )
  loading.catch(() => undefined)
  return { loading, workers, abort }
}
const hangIn =
  (...phases: readonly LoadProgress['phase'][]): Load =>
  (_request, { emit }) => {
    for (const phase of phases) emit({ phase, done: 0, total: 0 })
    return new Promise<never>(() => undefined)
  }
/** Lets the workers' messages arrive while the time passes. */
async function pass(ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 1000) {
    await vi.advanceTimersByTimeAsync(1000)
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a model that is never ready is loaded once more in another worker', async () => {
  const { loading, workers } = begin(hangIn('building', 'warming'))
  await pass(buildLimit(BYTES) + 5000)
  expect(await loading).toEqual(LOADED)
  expect(workers.map(({ ended }) => ended)).toEqual([true, false])
})

test('a model that is not ready the second time either is refused with a sentence', async () => {
  const { loading, workers } = begin(hangIn('building'), hangIn('building'))
  await pass(2 * buildLimit(BYTES) + 10_000)
  await expect(loading).rejects.toThrow(/^The model was not ready after 2 minutes, twice\./)
  expect(workers).toHaveLength(2)
})

test.each(['reading', 'keeping'] as const)(
  'a file that stops responding while it is %s is refused with a sentence about the file',
  async (name) => {
    const { loading, workers } = begin(hangIn('downloading', name), hangIn(name))
    await pass(2 * READ_LIMIT + 10_000)
    await expect(loading).rejects.toThrow(
      /^The model’s file could not be read: nothing came for 2 minutes, twice\. .+ drive is connected/,
    )
    expect(workers.map(({ ended }) => ended)).toEqual([true, true])
  },
)

test('a long download and a large model are waited for, and cancelling ends the first try', async () => {
  const { loading, workers, abort } = begin(hangIn('downloading'))
  await pass(2 * buildLimit(BYTES))
  expect(workers.map(({ ended }) => ended)).toEqual([false])
  abort.abort()
  await pass(4000)
  await expect(loading).rejects.toMatchObject({ name: 'AbortError' })
  expect(workers).toHaveLength(1)
  // A gigabyte on a slow phone takes minutes.
  expect(buildLimit(1e9)).toBeGreaterThan(20 * 60_000)
  expect(buildLimit(6e6)).toBeLessThan(120_000)
})
