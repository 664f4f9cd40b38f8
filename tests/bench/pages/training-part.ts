// Knows: tokens/s of whole train steps (forward, backward, update) at four sizes of student, next to the speed of the runtime's own matrix
// product in the same run; and the cost of other losses and optimizers.
import type { DecoderShape } from '../../../src/engine/models/shape.ts'
import { makeBatch, type PackedRow } from '../../../src/engine/training/packing.ts'
import { countOf, listParameters, initialWeights } from '../../../src/engine/training/parameters.ts'
import { makeDistillation } from '../../../src/engine/training/objectives/distillation.ts'
import { initialState, Trainer, type TrainerOptions } from '../../../src/engine/training/trainer.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import type { Runtime } from '../../../src/engine/runtime/types.ts'
import { makeRng } from '../../../src/domain/rng.ts'
import { LENGTH, makeTokenRows, ROWS, SHAPES } from '../sizes.ts'
import { medianOf, timeOf, type Measured, type PartResult } from '../measure.ts'
import { measureProducts } from '../products.ts'
import { measureCeiling } from './ceiling.ts'

/** Adds soft targets with the top 16 tokens to rows. */
const addTeacherRows = (rows: readonly PackedRow[]): PackedRow[] =>
  rows.map((row) => {
    const count = row.tokens.length - 1
    return {
      ...row,
      teacher: {
        topK: 16,
        ids: Uint16Array.from({ length: count * 16 }, (_, i) => (i % 16) * 50 + 3),
        probabilities: new Float32Array(count * 17).fill(1 / 17),
      },
    }
  })

/** Tokens/s: median of 7 steps after 2, from a student's initial weights. */
async function measureSteps(
  runtime: Runtime,
  shape: DecoderShape,
  options: Partial<TrainerOptions> = {},
): Promise<number> {
  const rng = makeRng('training')
  const trainer = new Trainer(
    runtime,
    { shape, weightDecay: 0.1, maxGradientNorm: 1, ...options },
    initialState(initialWeights(listParameters(shape), () => rng.normal())),
  )
  const plain = makeTokenRows(ROWS, shape.vocabulary)
  const batch = makeBatch(
    (options.objective ? addTeacherRows(plain) : plain).map((row) => [row]),
    ROWS,
    LENGTH,
  )
  const times: number[] = []
  for (let step = 0; step < 9; step += 1) times.push(await timeOf(() => trainer.train(batch, 1e-4)))
  await trainer.release()
  return (ROWS * LENGTH * 1000) / medianOf(times.slice(2))
}

/** Two wasm threads. */
export async function measureTraining(): Promise<PartResult> {
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
      how: `batch ${ROWS} × ${LENGTH} tokens, ${gflops.toFixed(1)} GFLOP/s, ${runtime.threads} threads`,
    })
    measured.push({
      what: `matrix products of a step alone, ${millions} M`,
      value: products,
      unit: 'GFLOP/s',
      how: `at the step’s own shapes, the matrices as inputs, ${runtime.threads} threads`,
    })
  }
  const shape = SHAPES[1] as DecoderShape
  const [first, middle] = speeds
  const muon = await measureSteps(runtime, shape, { optimizer: 'muon' })
  const soft = await measureSteps(runtime, shape, {
    objective: makeDistillation({ divergence: 'forward-kl', temperature: 1, textShare: 0 }),
  })
  measured.push(
    { what: 'training with Muon, 0.9 M', value: muon, unit: 'tokens/s', how: 'as above' },
    {
      what: 'training on soft targets (forward KL), 0.9 M',
      value: soft,
      unit: 'tokens/s',
      how: 'top 16 tokens of the teacher',
    },
  )
  return {
    measured,
    ratios: [
      ...speeds.slice(1).map(({ millions, perSecond }) => ({
        what: `training ${millions} M relative to ${first?.millions} M, tokens/s`,
        ratio: perSecond / (first?.perSecond ?? Number.NaN),
      })),
      ...speeds.map(({ millions, gflops }) => ({
        what: `training ${millions} M, share of the ceiling`,
        ratio: gflops / ceiling,
      })),
      ...speeds.map(({ millions, gflops, products }) => ({
        what: `training ${millions} M, share of its matrix products alone`,
        ratio: gflops / products,
      })),
      {
        what: 'Muon relative to AdamW at 0.9 M, tokens/s',
        ratio: muon / (middle?.perSecond ?? Number.NaN),
      },
      {
        what: 'soft targets relative to texts at 0.9 M, tokens/s',
        ratio: soft / (middle?.perSecond ?? Number.NaN),
      },
    ],
  }
}
