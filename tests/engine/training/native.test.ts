// The same steps on onnxruntime-node, where a person has installed it: there a step writes into the memory of the state before the last.
import { expect, test } from 'vitest'
import { loadNative } from '../../../src/command-line/load-native.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { openNativeRuntime } from '../../../src/engine/runtime/native.ts'
import type { Runtime } from '../../../src/engine/runtime/types.ts'
import { makeBatch, type Batch } from '../../../src/engine/training/packing.ts'
import { beginState, Trainer, type TrainState } from '../../../src/engine/training/trainer.ts'
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
  new Trainer(runtime, { shape: SMALL, weightDecay: 0.1, clip: 1, averaging: 0.9 }, state)

test.skipIf(native === undefined)(
  'six steps, one of them of two batches, give the losses and the state of wasm; what was read or given before stays as it was',
  async () => {
    const trainers = [
      makeTrainer(await openTestRuntime(), beginState(makeSmallWeights())),
      makeTrainer(native as Runtime, beginState(makeSmallWeights())),
    ] as const
    const given = beginState(makeSmallWeights())
    trainers[1].load(given)
    let early: TrainState | undefined
    let kept: TrainState | undefined
    for (let step = 1; step <= 6; step++) {
      const batches = step === 4 ? [batchOf(step), batchOf(step + 1)] : [batchOf(step)]
      const [ours, theirs] = [await trainers[0].train(batches, 1e-3), await trainers[1].train(batches, 1e-3)]
      expect(Math.abs(ours.loss - theirs.loss), `loss of step ${step}`).toBeLessThanOrEqual(1e-4)
      if (step === 3) {
        early = await trainers[1].read()
        kept = structuredClone(early)
      }
    }
    const [wasm, there] = [await trainers[0].read(), await trainers[1].read()]
    for (const part of ['weights', 'first', 'second', 'average'] as const)
      expect(worstDifference(there[part] ?? [], wasm[part] ?? []), part).toBeLessThanOrEqual(1e-3)
    expect(early).toEqual(kept)
    expect(worstDifference(there.weights, early?.weights ?? [])).toBeGreaterThan(1e-4)
    expect(given).toEqual(beginState(makeSmallWeights()))
    // From the state of step 3 the others again, bit for bit.
    trainers[1].load(early as TrainState)
    for (let step = 4; step <= 6; step++)
      await trainers[1].train(step === 4 ? [batchOf(step), batchOf(step + 1)] : [batchOf(step)], 1e-3)
    expect(await trainers[1].read()).toEqual(there)
    for (const trainer of trainers) await trainer.release()
  },
)
