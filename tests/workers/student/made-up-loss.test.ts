// Knows: that a student is trained by a loss that is only a declaration.
import { expect, test, vi } from 'vitest'
import { checkTrainStep } from '../../../src/pipeline/recipes/check-train-step.ts'
import type { TrainEvent } from '../../../src/protocol/student.ts'
import { readStoredStudent } from '../../../workers/student/stored-student.ts'
import { train } from '../../../workers/student/train.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows } from './memory-stores.ts'

vi.mock('../../../src/pipeline/training/losses/index.ts', async (original) =>
  (await import('../../stand-ins/made-up-losses.ts')).withMadeUpLosses(original as never),
)

test('trains, evaluates and stores a student by a made-up loss', { timeout: 60_000 }, async () => {
  const checked = checkTrainStep(
    {
      family: 'train',
      name: 'cautious',
      settings: { preset: 'nano', context: 64, steps: 8, evaluateEvery: 4, learningRate: 0.004 },
    },
    7,
  )
  if (!checked.ok) throw new Error('the step has problems')
  const stores = makeMemoryStores(makeRows(24, 4))
  const events: TrainEvent[] = []
  let clock = 0
  const outcome = await train(
    { ...IDS, settings: checked.value, backend: 'wasm' },
    { signal: new AbortController().signal, emit: (event) => void events.push(event) },
    { stores, openRuntime: openTestRuntime, now: () => (clock += 150) },
  )
  expect(outcome).toMatchObject({ outcome: 'finished', step: 8 })
  const losses = events.flatMap((event) => (event.kind === 'step' ? [event.point] : []))
  expect(losses.at(-1)!.heldOut!).toBeLessThan(losses.find(({ heldOut }) => heldOut !== undefined)!.heldOut!)
  expect((await readStoredStudent(stores, IDS.projectId, IDS.studentId))?.checkpoint.state.step).toBe(8)
})
