// Knows: what must hold of the losses on answers: a student that is its own reference is undecided, and one that has not moved since it
// wrote its answers gains just what they were worth.
import type { Runtime } from '../runtime/types.ts'
import { countPredictions, makeBatch, type PackedRow } from '../training/packing.ts'
import { makePairBatch } from '../training/pairs.ts'
import { makePolicyBatch } from '../training/policy.ts'
import { beginState, Trainer, type TrainerOptions } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { makeSmallPairs, makeSmallRows, makeSmallWeights, PREFERRING, SMALL } from './small.ts'

async function withTrainer(
  runtime: Runtime,
  options: Partial<TrainerOptions>,
  work: (trainer: Trainer) => Promise<number>,
): Promise<number> {
  const trainer = new Trainer(
    runtime,
    { shape: SMALL, weightDecay: 0, clip: 0, ...options },
    beginState(makeSmallWeights()),
  )
  try {
    return await work(trainer)
  } finally {
    await trainer.release()
  }
}

/** Each row's log-probabilities, token by token. */
async function findEach(trainer: Trainer, rows: readonly PackedRow[]): Promise<Float32Array[]> {
  const found = await trainer.findLikelihoods(
    makeBatch(
      rows.map((row) => [row]),
      rows.length,
      12,
    ),
  )
  let at = 0
  return rows.map((row) => found.slice(at, (at += countPredictions([[row]]))))
}
const findSums = async (trainer: Trainer, rows: readonly PackedRow[]): Promise<number[]> =>
  (await findEach(trainer, rows)).map((row) => row.reduce((sum, one) => sum + one, 0))

/** Sums of some ten log-probabilities in 32-bit floats are not exacter. */
const BOUND = 1e-4
const ADVANTAGES = [0.7, -1.2, 0.5]

export const answerClaims: readonly Claim[] = [
  ...(
    [
      ['dpo', Math.LN2, 'log 2'],
      ['kto', 0.5, 'a half'],
    ] as const
  ).map(([loss, wanted, called]): Claim => ({
    group: 'losses',
    name: `${loss} of a student that is its own reference is ${called}`,
    bound: BOUND,
    measure: ({ runtime }) =>
      withTrainer(runtime, { prefers: { loss, ...PREFERRING } }, async (trainer) => {
        const pairs = makeSmallPairs(3)
        const [good, bad] = [
          await findSums(
            trainer,
            pairs.map(({ chosen }) => chosen),
          ),
          await findSums(
            trainer,
            pairs.map(({ rejected }) => rejected),
          ),
        ]
        const referred = pairs.map(({ chosen, rejected }, i) => ({
          chosen,
          rejected,
          reference: { chosen: good[i] ?? Number.NaN, rejected: bad[i] ?? Number.NaN },
        }))
        return Math.abs(
          (await trainer.measure([makePairBatch(referred, 3, 12, { averages: false })])) - wanted,
        )
      }),
  })),
  {
    group: 'losses',
    name: 'grpo at the weights that wrote the answers is minus their mean advantage',
    bound: BOUND,
    measure: ({ runtime }) =>
      withTrainer(runtime, { reinforces: { clip: 0.2, beta: 0.1 } }, async (trainer) => {
        const rows = makeSmallRows(3)
        const before = await findEach(trainer, rows)
        const tokens = rows.map((row) => countPredictions([[row]]))
        const wanted =
          -ADVANTAGES.reduce((sum, advantage, i) => sum + advantage * (tokens[i] ?? Number.NaN), 0) /
          tokens.reduce((a, b) => a + b, 0)
        const { loss } = await trainer.train(
          makePolicyBatch(
            rows.map((row, i) => ({
              row,
              advantage: ADVANTAGES[i] ?? Number.NaN,
              before: before[i] ?? new Float32Array(),
            })),
            3,
            12,
          ),
          0,
        )
        return Math.abs(loss - wanted)
      }),
  },
]
