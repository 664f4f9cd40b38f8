// Knows: how many tokens a second a whole train step takes (forward, backward, AdamW) at three sizes of student.
import type { DecoderShape } from '../../../src/engine/models/shape.ts'
import { makeBatch, type PackedRow } from '../../../src/engine/training/packing.ts'
import { countOf, listParameters } from '../../../src/engine/training/parameters.ts'
import { beginState, Trainer } from '../../../src/engine/training/trainer.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import { makeNumbers } from '../../engine/numbers.ts'
import { medianOf, timeOf, type Measured, type PartAnswer } from '../measure.ts'

const LENGTH = 128
const common = { ropeTheta: 10_000, normEpsilon: 1e-5, tiedHead: true, context: LENGTH }
const shapes: readonly { shape: DecoderShape; rows: number }[] = [
  { rows: 8, shape: { ...common, layers: 3, width: 96, heads: 4, kvHeads: 2, headWidth: 24, feedForward: 256, vocabulary: 1024 } },
  { rows: 8, shape: { ...common, layers: 4, width: 128, heads: 4, kvHeads: 2, headWidth: 32, feedForward: 368, vocabulary: 1024 } },
  { rows: 8, shape: { ...common, layers: 4, width: 256, heads: 8, kvHeads: 4, headWidth: 32, feedForward: 640, vocabulary: 1024 } },
]

/** Rows without padding in which every prediction counts: tokens a second are then tokens learnt from. */
const makeRows = (count: number, vocabulary: number): PackedRow[] =>
  Array.from({ length: count }, (_, row) => ({ tokens: Int32Array.from({ length: LENGTH + 1 }, (__, index) => (row * 131 + index * index * 7) % vocabulary), from: 0 }))

/** Median of 7 steps after 2, two wasm threads. */
export async function measureTraining(): Promise<PartAnswer> {
  const runtime = await openRuntime({ backend: 'wasm', threads: 2 })
  const measured: Measured[] = []
  for (const { shape, rows } of shapes) {
    const parameters = countOf(listParameters(shape))
    const trainer = new Trainer(runtime, { shape, weightDecay: 0.1, clip: 1 }, beginState(makeNumbers(parameters, 1, 0.02)))
    const batch = makeBatch(makeRows(rows, shape.vocabulary).map((row) => [row]), rows, LENGTH)
    const times: number[] = []
    for (let step = 0; step < 9; step += 1) {
      const ms = await timeOf(() => trainer.train(batch, 1e-4))
      if (step >= 2) times.push(ms)
    }
    await trainer.release()
    const perSecond = (rows * LENGTH * 1000) / medianOf(times)
    measured.push({ what: `training, ${(parameters / 1e6).toFixed(1)} M parameters`, value: perSecond, unit: 'tokens/s', how: `${rows} rows of ${LENGTH}, ${((6 * parameters * perSecond) / 1e9).toFixed(1)} GFLOP/s, ${runtime.threads} threads` })
  }
  const [small, middle, large] = measured
  return {
    measured,
    ratios: [
      { what: 'training 0.9 M against 0.4 M, tokens a second', ratio: (middle?.value ?? Number.NaN) / (small?.value ?? Number.NaN) },
      { what: 'training 3 M against 0.4 M, tokens a second', ratio: (large?.value ?? Number.NaN) / (small?.value ?? Number.NaN) },
    ],
  }
}
