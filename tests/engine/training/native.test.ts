// The same steps on onnxruntime-node, if it is installed: there a step writes into the buffers of the state before the
// last.
import { expect, test } from 'vitest'
import { loadNative } from '../../../src/command-line/load-native.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { openNativeRuntime } from '../../../src/engine/runtime/native.ts'
import type { Runtime } from '../../../src/engine/runtime/types.ts'
import { makeBatch, type Batch } from '../../../src/engine/training/packing.ts'
import { initialState, Trainer, type TrainState } from '../../../src/engine/training/trainer.ts'
import { openTestRuntime } from '../session.ts'

function openNative(): Runtime | undefined {
  try {
    return openNativeRuntime(loadNative(), 1)
  } catch {
    return undefined
  }
}
const native = openNative()

const batchOf = (step: number): Batch =>
  makeBatch(
    makeSmallRows(step).map((row) => [row]),
    3,
    12,
  )
const makeTrainer = (runtime: Runtime, state: TrainState): Trainer =>
  new Trainer(runtime, { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1, emaDecay: 0.9 }, state)

test.skipIf(native === undefined)(
  'six native steps give the losses and state of wasm and do not change earlier states',
  async () => {
    const trainers = [
      makeTrainer(await openTestRuntime(), initialState(makeSmallWeights())),
      makeTrainer(native as Runtime, initialState(makeSmallWeights())),
    ] as const
    const loaded = initialState(makeSmallWeights())
    trainers[1].load(loaded)
    let early: TrainState | undefined
    let copy: TrainState | undefined
    for (let step = 1; step <= 6; step++) {
      const batches = step === 4 ? [batchOf(step), batchOf(step + 1)] : [batchOf(step)]
      const [ours, theirs] = [await trainers[0].train(batches, 1e-3), await trainers[1].train(batches, 1e-3)]
      expect(Math.abs(ours.loss - theirs.loss), `loss of step ${step}`).toBeLessThanOrEqual(1e-4)
      if (step === 3) {
        early = await trainers[1].read()
        copy = structuredClone(early)
      }
    }
    const [wasm, final] = [await trainers[0].read(), await trainers[1].read()]
    for (const part of ['weights', 'm', 'v', 'average'] as const)
      expect(worstDifference(final[part] ?? [], wasm[part] ?? []), part).toBeLessThanOrEqual(1e-3)
    expect(early).toEqual(copy)
    expect(worstDifference(final.weights, early?.weights ?? [])).toBeGreaterThan(1e-4)
    expect(loaded).toEqual(initialState(makeSmallWeights()))
    // From the state of step 3, the others again, bit for bit.
    trainers[1].load(early as TrainState)
    for (let step = 4; step <= 6; step++)
      await trainers[1].train(step === 4 ? [batchOf(step), batchOf(step + 1)] : [batchOf(step)], 1e-3)
    expect(await trainers[1].read()).toEqual(final)
    for (const trainer of trainers) await trainer.release()
  },
)
