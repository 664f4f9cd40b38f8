// Knows: that whole train steps give PyTorch's losses, with each option and loss, and that a graphics card trains as wasm does.
import type { Runtime } from '../runtime/types.ts'
import { makeBatch, type Batch } from '../training/packing.ts'
import { learningRateAt } from '../training/schedules/index.ts'
import { beginState, Trainer, type TrainerOptions } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { makePairBatch } from '../training/pairs.ts'
import { PREFERENCES } from '../training/preferences/index.ts'
import { LONG_LOSSES, OPTION_LOSSES, PREFERENCE_LOSSES, TEXT_LOSSES } from './expected.ts'
import {
  DISTILLING,
  LONG,
  makeLongRows,
  makeSmallPairs,
  makeSmallRows,
  makeSmallWeights,
  makeTaughtRows,
  makeWords,
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
const taughtBatch = (step: number): Batch =>
  makeBatch(
    makeTaughtRows(step).map((row) => [row]),
    3,
    12,
  )

/** Losses of so many steps. */
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
    { shape: SMALL, weightDecay: 0.1, clip: 1, ...options },
    beginState(makeSmallWeights()),
  )
  const losses: number[] = []
  try {
    for (let step = 1; step <= steps; step++)
      losses.push((await trainer.train(batchOf(step), rate(step), makeWords(step), drift)).loss)
  } finally {
    await trainer.release()
  }
  return losses
}
const worst = (ours: readonly number[], wanted: readonly number[]): number =>
  ours.reduce((most, loss, i) => Math.max(most, Math.abs(loss - (wanted[i] ?? Number.NaN)) / loss), 0)
const claim = (
  name: string,
  wanted: readonly number[],
  options: Partial<TrainerOptions>,
  batchOf = textBatch,
): Claim => ({
  group: 'training',
  name,
  bound: 1e-3,
  measure: async ({ runtime }) => worst(await trainSteps(runtime, wanted.length, options, batchOf), wanted),
})
/** Steps small enough that rounding does not grow over fifty of them. */
const SMALL_RATE = 3e-4

export const trainingClaims: readonly Claim[] = [
  claim('20 steps of AdamW give PyTorch’s losses', TEXT_LOSSES, {}),
  claim('steps on rows of more than a hundred tokens', LONG_LOSSES, {}, longBatch),
  claim('steps of Muon', OPTION_LOSSES.muon, { optimizer: 'muon' }),
  claim('steps with label smoothing', OPTION_LOSSES.smoothing, { smoothing: 0.1 }),
  claim('steps with dropout', OPTION_LOSSES.dropout, { dropout: 0.25 }),
  ...(['forward-kl', 'reverse-kl', 'jensen-shannon'] as const).map((divergence) =>
    claim(
      `steps on a teacher’s probabilities, ${divergence}`,
      OPTION_LOSSES[divergence],
      { distils: { divergence, ...DISTILLING } },
      taughtBatch,
    ),
  ),
  ...(['dpo', 'simpo', 'orpo', 'kto'] as const).map((loss): Claim => ({
    group: 'training',
    name: `steps on pairs of answers, ${loss}`,
    bound: 1e-3,
    measure: async ({ runtime }) => {
      const { averages, needsDrift } = PREFERENCES[loss]
      const found = await trainSteps(
        runtime,
        5,
        { prefers: { loss, ...PREFERRING } },
        (step) => makePairBatch(makeSmallPairs(step), 3, 12, { averages }),
        rateOf,
        needsDrift ? PREFERRING.drift : 0,
      )
      return worst(found, PREFERENCE_LOSSES[loss])
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
    name: 'the same steps again give the same losses, bit for bit',
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
