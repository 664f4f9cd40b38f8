// Knows: that the header of a file on a drive that never responds is given up with a sentence, that Cancel ends the wait, and what stays loaded.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HEADER_LIMIT, inspectModel } from '../../../src/actions/models/inspect-model.ts'
import type { Machines } from '../../../src/actions/machines.ts'
import type { ModelSource } from '../../../src/domain/model-source.ts'
import type { Served } from '../../../src/protocol/channel.ts'
import { openWorker } from '../../../src/protocol/supervised-worker.ts'
import type { TeacherContract } from '../../../src/protocol/teacher.ts'
import { unlessAborted } from '../../../workers/teachers/unless-aborted.ts'
import { WorkerStandIn } from '../../stand-ins/worker.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

interface Contract {
  inspect: TeacherContract['inspect']
}
const hang = (): Promise<never> => new Promise(() => undefined)
const FILE: ModelSource = { kind: 'file', file: new File([], 'model.gguf') }

function begin(inspect: Served<Contract>['inspect'], source: ModelSource = FILE) {
  const workers: WorkerStandIn<Contract>[] = []
  const { remote } = openWorker<Contract>(() => {
    const worker = new WorkerStandIn<Contract>({ inspect })
    workers.push(worker)
    setImmediate(() => worker.ended || worker.report({ retort: 'ready' }))
    return worker
  })
  const abort = new AbortController()
  const machines = { teacher: remote } as unknown as Machines // nothing else is used
  const inspecting = inspectModel(machines, { source }, abort.signal)
  inspecting.catch(() => undefined)
  return { inspecting, workers, abort }
}
async function pass(ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 1000) {
    await vi.advanceTimersByTimeAsync(1000)
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a file that never responds is refused with a sentence, and the worker with its loaded model stays', async () => {
  const { inspecting, workers } = begin((_request, { signal }) => unlessAborted(signal, hang()))
  await pass(HEADER_LIMIT + 5000)
  const inspected = await inspecting
  expect(!inspected.ok && inspected.problems[0]?.sentence).toMatch(
    /^The model’s file did not respond for 60 seconds, .+ check that the drive is connected/,
  )
  expect(workers.map(({ ended }) => ended)).toEqual([false])
})

test('a worker that cannot even stop is terminated, with the same sentence', async () => {
  const { inspecting, workers } = begin(hang)
  await pass(HEADER_LIMIT + 5000)
  expect((await inspecting).ok).toBe(false)
  expect(workers.map(({ ended }) => ended)).toEqual([true])
})

test('Cancel ends the wait at once', async () => {
  const { inspecting, workers, abort } = begin((_request, { signal }) => unlessAborted(signal, hang()))
  abort.abort()
  await pass(1000)
  await expect(inspecting).rejects.toMatchObject({ name: 'AbortError' })
  expect(workers.map(({ ended }) => ended)).toEqual([false])
})

test('a request to a slow host is waited for: its own limit is on silence, not on time', async () => {
  const { inspecting, abort } = begin((_request, { signal }) => unlessAborted(signal, hang()), {
    kind: 'url',
    url: 'https://a.example/m.gguf',
  })
  let ended = false
  void inspecting.catch(() => undefined).then(() => (ended = true))
  await pass(3 * HEADER_LIMIT)
  expect(ended).toBe(false)
  abort.abort()
  await pass(1000)
  expect(ended).toBe(true)
})
