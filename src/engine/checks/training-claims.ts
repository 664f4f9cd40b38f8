// Knows: claims that whole train steps give PyTorch's losses, with each option and loss, and that WebGPU gives the
// losses of wasm.
import type { Runtime } from '../runtime/types.ts'
import { DIVERGENCES, type DivergenceName } from '../training/divergences/index.ts'
import { makeBatch, type Batch } from '../training/packing.ts'
import { learningRateAt } from '../training/schedules/index.ts'
import { makeDistillation } from '../training/objectives/distillation.ts'
import { makePreference } from '../training/objectives/preference.ts'
import { makeTexts } from '../training/objectives/texts.ts'
import { initialState, Trainer, type TrainerOptions } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { makePairBatch } from '../training/pairs.ts'
import { PREFERENCES, type PreferenceName } from '../training/preferences/index.ts'
import { LONG_LOSSES, OPTION_LOSSES, PREFERENCE_LOSSES, TEXT_LOSSES } from './expected.ts'
import {
  DISTILLING,
  LONG,
  makeLongRows,
  makeSmallPairs,
  makeSmallRows,
  makeSmallWeights,
  makeTeacherRows,
  makeUniform,
  PREFERRING,
  SMALL,
} from './small.ts'

const rateOf = (step: number): number => learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 })
const textBatch = (step: number): Batch =>
  makeBatch(
    makeSmallRows(step).map((row) => [row]),
    3,
    12,
  )
const longBatch = (step: number): Batch =>
  makeBatch(
    makeLongRows(step).map((row) => [row]),
    3,
    LONG,
  )
const teacherBatch = (step: number): Batch =>
  makeBatch(
    makeTeacherRows(step).map((row) => [row]),
    3,
    12,
  )

/** Losses of `steps` steps. */
async function trainSteps(
  runtime: Runtime,
  steps: number,
  options: Partial<TrainerOptions>,
  batchOf: (step: number) => Batch,
  rate = rateOf,
  drift = 0,
): Promise<number[]> {
  const trainer = new Trainer(
    runtime,
    { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1, ...options },
    initialState(makeSmallWeights()),
  )
  const losses: number[] = []
  try {
    for (let step = 1; step <= steps; step++)
      losses.push((await trainer.train(batchOf(step), rate(step), makeUniform(step), drift)).loss)
  } finally {
    await trainer.release()
  }
  return losses
}
const worst = (ours: readonly number[], expected: readonly number[]): number =>
  ours.reduce((max, loss, i) => Math.max(max, Math.abs(loss - (expected[i] ?? Number.NaN)) / loss), 0)
const claim = (
  name: string,
  expected: readonly number[],
  options: Partial<TrainerOptions>,
  batchOf = textBatch,
): Claim => ({
  group: 'training',
  name,
  bound: 1e-3,
  measure: async ({ runtime }) =>
    worst(await trainSteps(runtime, expected.length, options, batchOf), expected),
})
/** Steps small enough that rounding does not grow over fifty of them. */
const SMALL_RATE = 3e-4

export const trainingClaims: readonly Claim[] = [
  claim('20 steps of AdamW give PyTorch’s losses', TEXT_LOSSES, {}),
  claim('steps on rows of more than a hundred tokens give PyTorch’s losses', LONG_LOSSES, {}, longBatch),
  claim('steps of Muon give PyTorch’s losses', OPTION_LOSSES.muon, { optimizer: 'muon' }),
  claim('steps with label smoothing give PyTorch’s losses', OPTION_LOSSES.smoothing, {
    objective: makeTexts({ smoothing: 0.1 }),
  }),
  claim('steps with dropout give PyTorch’s losses', OPTION_LOSSES.dropout, { dropout: 0.25 }),
  ...(Object.keys(DIVERGENCES) as DivergenceName[]).map((divergence) =>
    claim(
      `steps on a teacher’s probabilities (${divergence}) give PyTorch’s losses`,
      OPTION_LOSSES[divergence],
      { objective: makeDistillation({ divergence, ...DISTILLING }) },
      teacherBatch,
    ),
  ),
  ...(Object.keys(PREFERENCES) as PreferenceName[]).map((loss): Claim => ({
    group: 'training',
    name: `steps on pairs of answers (${loss}) give PyTorch’s losses`,
    bound: 1e-3,
    measure: async ({ runtime }) => {
      const { averages, needsDrift } = PREFERENCES[loss]
      const losses = await trainSteps(
        runtime,
        5,
        { objective: makePreference({ loss, ...PREFERRING }) },
        (step) => makePairBatch(makeSmallPairs(step), 3, 12, { averages }),
        rateOf,
        needsDrift ? PREFERRING.drift : 0,
      )
      return worst(losses, PREFERENCE_LOSSES[loss])
    },
  })),
  {
    group: 'training',
    name: '50 steps on the graphics card give the losses of wasm',
    bound: 1e-3,
    only: 'with reference',
    measure: async ({ runtime, reference }) =>
      reference === undefined
        ? Number.NaN
        : worst(
            await trainSteps(runtime, 50, {}, textBatch, () => SMALL_RATE),
            await trainSteps(reference, 50, {}, textBatch, () => SMALL_RATE),
          ),
  },
  {
    group: 'training',
    name: 'the same steps give the same losses, bit for bit',
    bound: 0,
    only: 'on wasm', // on a graphics card equal runs need not be equal to the last bit
    measure: async ({ runtime }) => {
      const [first, second] = [
        await trainSteps(runtime, 5, { dropout: 0.25 }, textBatch),
        await trainSteps(runtime, 5, { dropout: 0.25 }, textBatch),
      ]
      return Math.max(...first.map((loss, i) => Math.abs(loss - (second[i] ?? Number.NaN))))
    },
  },
]
