import { expect, test } from 'vitest'
import { roleMachines } from '../../../src/actions/models/role-machine.ts'
import { openWorker } from '../../../src/protocol/supervised-worker.ts'
import type { TeacherContract } from '../../../src/protocol/teacher.ts'
import { OTHER, TeacherStandIn } from '../../stand-ins/teacher.ts'
import { WorkerStandIn } from '../../stand-ins/worker.ts'

test('the judge’s worker runs from its first model until that is unloaded, and loads another one afterwards', async () => {
  const started: WorkerStandIn<TeacherContract>[] = []
  const worker = openWorker<TeacherContract>(() => {
    const made = new WorkerStandIn<TeacherContract>(new TeacherStandIn(OTHER))
    started.push(made)
    return made
  })
  const changes: string[] = []
  const machines = roleMachines(
    openWorker<TeacherContract>(() => new WorkerStandIn<TeacherContract>(new TeacherStandIn())).remote,
    () => ({
      remote: worker.remote,
      worker,
    }),
    (role) => changes.push(role),
  )
  const judge = machines.of('judge')
  expect([await judge.describe(null), await judge.unload(null), started.length]).toEqual([null, null, 0])
  for (const count of [1, 2]) {
    const load = {
      source: { kind: 'stored', name: 'other.gguf' },
      backend: 'wasm',
      keep: false,
      contextLength: 64,
    } as const
    expect((await judge.load(load)).card.name).toBe('Other')
    expect((await judge.describe(null))?.card.name).toBe('Other')
    await judge.unload(null)
    expect(changes.splice(0)).toEqual(['judge', 'judge'])
    expect([started.length, started.every(({ ended }) => ended), worker.alive]).toEqual([count, true, false])
  }

  // What is requested while the worker ends, another end included, is for the next one.
  const load = {
    source: { kind: 'stored', name: 'other.gguf' },
    backend: 'wasm',
    keep: false,
    contextLength: 64,
  } as const
  await judge.load(load)
  const unloadings = [judge.unload(null), judge.unload(null)]
  const inspecting = judge.inspect({ source: load.source })
  const loading = judge.load(load)
  expect(await judge.describe(null)).toBeNull()
  await Promise.all(unloadings)
  expect([(await inspecting).name, (await loading).card.name]).toEqual(['Other', 'Other'])
  await new Promise((resolve) => setTimeout(resolve, 400))
  expect([started.length, (await judge.describe(null))?.card.name]).toEqual([4, 'Other'])
})
