import { afterEach, expect, test, vi } from 'vitest'
import {
  castModels,
  MODEL_PATIENCE,
  MODEL_SILENCE,
  RoleModels,
  teacherModel,
} from '../../../src/actions/executing/role-models.ts'
import type { Served } from '../../../src/protocol/channel.ts'
import { openWorker } from '../../../src/protocol/supervised-worker.ts'
import type { TeacherContract } from '../../../src/protocol/teacher.ts'
import { makeMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'
import { WorkerStandIn } from '../../stand-ins/worker.ts'

afterEach(() => void vi.useRealTimers())

test('two models on this machine make one call at a time; a server works at the same time, and so do two servers', async () => {
  const machines = await makeMachines()
  const server = (description: typeof OTHER): typeof OTHER => ({ ...description, backend: 'server' })
  const share = (teacher: typeof OTHER, judge?: typeof OTHER): boolean => {
    const models = new RoleModels(castModels(machines, { teacher, ...(judge ? { judge } : {}) }))
    return models.machineOf('teacher') === models.machineOf('judge')
  }
  expect(share(DESCRIPTION)).toBe(true)
  expect(share(DESCRIPTION, OTHER)).toBe(true)
  expect(share(DESCRIPTION, { ...OTHER, backend: 'webgpu' })).toBe(true)
  expect(share(DESCRIPTION, server(OTHER))).toBe(false)
  expect(share(server(DESCRIPTION), OTHER)).toBe(false)
  expect(share(server(DESCRIPTION), server(OTHER))).toBe(false)
  expect(share(server(DESCRIPTION))).toBe(true)
})

test('a judge that is the teacher’s model has the teacher’s calls, another one its own', async () => {
  const machines = await makeMachines()
  const identities = (judge?: typeof OTHER) => {
    const models = castModels(machines, { teacher: DESCRIPTION, ...(judge ? { judge } : {}) })
    return [models('teacher').identity, models('judge').identity]
  }
  const [teacher, same] = identities()
  expect(same).toEqual(teacher)
  const [, other] = identities(OTHER)
  expect(other).not.toEqual(teacher)
})

interface Contract {
  complete: TeacherContract['complete']
}
/** Calls a model whose worker completes as given, and lets time pass. */
function call(complete: Served<Contract>['complete'], description: typeof OTHER = DESCRIPTION) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const worker = new WorkerStandIn<Contract>({ complete })
  const { remote } = openWorker<Contract>(() => worker)
  const models = new RoleModels(() => teacherModel(remote as never, description)) // nothing else is called
  const abort = new AbortController()
  const work = models.call({ kind: 'complete', role: 'teacher', requests: [] }, abort.signal, () => undefined)
  work.catch(() => undefined)
  worker.report({ retort: 'ready' })
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 10_000) {
      await vi.advanceTimersByTimeAsync(10_000)
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { work, worker, abort, pass }
}
const hang = (): Promise<never> => new Promise(() => undefined)
const PROGRESS = { kind: 'progress', promptTokens: 1, newTokens: 1, ms: 1 } as const

test('a model that generates nothing after a good start, and does not stop, ends with a sentence and its worker is terminated', async () => {
  const { work, worker, pass } = call((_request, { emit }) => {
    emit(PROGRESS)
    return hang()
  })
  await pass(MODEL_SILENCE + MODEL_PATIENCE + 20_000)
  await expect(work).rejects.toMatchObject({
    name: 'WorkerDied',
    message: expect.stringMatching(
      /^The model generated nothing for 10 minutes .+ Load the model again and resume\.$/,
    ),
  })
  expect(worker.ended).toBe(true)
})

test('a slow model is left alone as long as it generates', async () => {
  let emit: (event: typeof PROGRESS) => void = () => undefined
  let finish: () => void = () => undefined
  const { work, worker, pass } = call((_request, context) => {
    emit = context.emit
    return new Promise(
      (resolve) => (finish = () => resolve({ promptTokens: 1, sharedTokens: 0, newTokens: 1, ms: 1 })),
    )
  })
  for (let i = 0; i < 5; i++) {
    await pass(MODEL_SILENCE - 60_000)
    emit(PROGRESS)
  }
  await pass(10_000)
  finish()
  await pass(10_000)
  await work
  expect(worker.ended).toBe(false)
})

test('a stop ends a call of a model that hangs, and its worker', async () => {
  const { work, worker, abort, pass } = call(hang)
  await pass(10_000)
  abort.abort()
  await pass(MODEL_PATIENCE + 10_000)
  await expect(work).rejects.toMatchObject({ name: 'AbortError' })
  expect(worker.ended).toBe(true)
})

test('a server may queue a request for longer: its connection has limits of its own', async () => {
  const { worker, abort, pass } = call(hang, { ...DESCRIPTION, backend: 'server' })
  await pass(3 * MODEL_SILENCE)
  expect(worker.ended).toBe(false)
  abort.abort()
  await pass(MODEL_PATIENCE + 10_000)
})
