// Knows: that our own graphs train in this worker, on onnxruntime-web.
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import { makeBatch } from '../../../src/engine/training/packing.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import { measureCeiling } from '../pages/ceiling.ts'
import { ADAM_W, serveTrainee } from './trainee.ts'

serveTrainee(async ({ shape, weights, rows, length, ids, targets }) => {
  const runtime = await openRuntime({ backend: 'wasm', threads: 2 })
  const { weightDecay, clip, learningRate } = ADAM_W
  const trainer = new Trainer(runtime, { shape, weightDecay, maxGradientNorm: clip }, initialState(weights))
  const lines = Array.from({ length: rows }, (_, row) => [
    {
      tokens: Int32Array.from([
        ...ids.subarray(row * length, (row + 1) * length),
        targets[(row + 1) * length - 1] ?? 0,
      ]),
      from: 0,
    },
  ])
  const batch = makeBatch(lines, rows, length)
  return {
    step: async () => (await trainer.train(batch, learningRate)).loss,
    ceiling: () => measureCeiling(runtime),
  }
})
