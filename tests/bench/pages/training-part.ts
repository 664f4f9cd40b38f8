// Knows: how many tokens a second a whole train step takes (forward, backward, update) at four sizes of student, beside what the
// runtime's own matrix product gives in the same run; and what other losses and optimizers cost.
import type { DecoderShape } from '../../../src/engine/models/shape.ts'
import { makeBatch, type PackedRow } from '../../../src/engine/training/packing.ts'
import { countOf, listParameters, makeFirstWeights } from '../../../src/engine/training/parameters.ts'
import { beginState, Trainer, type TrainerOptions } from '../../../src/engine/training/trainer.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import type { Runtime } from '../../../src/engine/runtime/types.ts'
import { makeRng } from '../../../src/domain/rng.ts'
import { LENGTH, makeTokenRows, ROWS, SHAPES } from '../sizes.ts'
import { medianOf, timeOf, type Measured, type PartAnswer } from '../measure.ts'
import { measureProducts } from '../products.ts'
import { measureCeiling } from './ceiling.ts'

/** Rows that also bring a teacher's sixteen likeliest tokens. */
const makeTaught = (rows: readonly PackedRow[]): PackedRow[] =>
  rows.map((row) => {
    const count = row.tokens.length - 1
    return {
      ...row,
      teacher: {
        choices: 16,
        ids: Uint16Array.from({ length: count * 16 }, (_, i) => (i % 16) * 50 + 3),
        probabilities: new Float32Array(count * 17).fill(1 / 17),
      },
    }
  })

/** Tokens a second: median of 7 steps after 2. It begins as students do. */
async function measureSteps(
  runtime: Runtime,
  shape: DecoderShape,
  options: Partial<TrainerOptions> = {},
): Promise<number> {
  const rng = makeRng('training')
  const trainer = new Trainer(
    runtime,
    { shape, weightDecay: 0.1, clip: 1, ...options },
    beginState(makeFirstWeights(listParameters(shape), () => rng.normal())),
  )
  const plain = makeTokenRows(ROWS, shape.vocabulary)
  const batch = makeBatch(
    (options.distils ? makeTaught(plain) : plain).map((row) => [row]),
    ROWS,
    LENGTH,
  )
  const times: number[] = []
  for (let step = 0; step < 9; step += 1) times.push(await timeOf(() => trainer.train(batch, 1e-4)))
  await trainer.release()
  return (ROWS * LENGTH * 1000) / medianOf(times.slice(2))
}

/** Two wasm threads. */
export async function measureTraining(): Promise<PartAnswer> {
  const runtime = await openRuntime({ backend: 'wasm', threads: 2 })
  const ceiling = await measureCeiling(runtime)
  const measured: Measured[] = [
    {
      what: 'the runtime’s own matrix product',
      value: ceiling,
      unit: 'GFLOP/s',
      how: `1024 × 1024, f32, ${runtime.threads} threads`,
    },
  ]
  const speeds: {
    readonly millions: string
    readonly perSecond: number
    readonly gflops: number
    readonly products: number
  }[] = []
  for (const shape of SHAPES) {
    const parameters = countOf(listParameters(shape))
    const perSecond = await measureSteps(runtime, shape)
    const gflops = (6 * parameters * perSecond) / 1e9
    const millions = (parameters / 1e6).toFixed(1)
    const products =
      (6 * parameters * ROWS * LENGTH) / ((await measureProducts(runtime, shape, ROWS * LENGTH)) * 1e6)
    speeds.push({ millions, perSecond, gflops, products })
    measured.push({
      what: `training, ${millions} M parameters`,
      value: perSecond,
      unit: 'tokens/s',
      how: `${ROWS} rows of ${LENGTH}, ${gflops.toFixed(1)} GFLOP/s, ${runtime.threads} threads`,
    })
    measured.push({
      what: `the products of a step alone, ${millions} M`,
      value: products,
      unit: 'GFLOP/s',
      how: `at the step’s own shapes, the matrices as inputs, ${runtime.threads} threads`,
    })
  }
  const shape = SHAPES[1] as DecoderShape
  const [first, middle] = speeds
  const muon = await measureSteps(runtime, shape, { optimizer: 'muon' })
  const soft = await measureSteps(runtime, shape, {
    distils: { divergence: 'forward-kl', temperature: 1, textShare: 0 },
  })
  measured.push(
    { what: 'training with Muon, 0.9 M', value: muon, unit: 'tokens/s', how: 'as above' },
    {
      what: 'training on probabilities (forward KL), 0.9 M',
      value: soft,
      unit: 'tokens/s',
      how: '16 tokens of the teacher for each',
    },
  )
  return {
    measured,
    ratios: [
      ...speeds.slice(1).map(({ millions, perSecond }) => ({
        what: `training ${millions} M against ${first?.millions} M, tokens a second`,
        ratio: perSecond / (first?.perSecond ?? Number.NaN),
      })),
      ...speeds.map(({ millions, gflops }) => ({
        what: `training ${millions} M, share of the ceiling`,
        ratio: gflops / ceiling,
      })),
      ...speeds.map(({ millions, gflops, products }) => ({
        what: `training ${millions} M, share of its own products alone`,
        ratio: gflops / products,
      })),
      {
        what: 'a step with Muon against AdamW at 0.9 M, tokens a second',
        ratio: muon / (middle?.perSecond ?? Number.NaN),
      },
      {
        what: 'a step on probabilities against texts at 0.9 M, tokens a second',
        ratio: soft / (middle?.perSecond ?? Number.NaN),
      },
    ],
  }
}
