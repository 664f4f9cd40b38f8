// Knows: claims about the losses on answers: the loss of a student that is its own reference, and the loss at the
// weights that generated the answers.
import type { Runtime } from '../runtime/types.ts'
import { countPredictions, makeBatch, type PackedRow } from '../training/packing.ts'
import { makePairBatch } from '../training/pairs.ts'
import { makePolicyBatch } from '../training/policy.ts'
import { makePolicy } from '../training/objectives/policy.ts'
import { makePreference } from '../training/objectives/preference.ts'
import { initialState, Trainer, type TrainerOptions } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { makeSmallPairs, makeSmallRows, makeSmallWeights, PREFERRING, SMALL } from './small.ts'

async function withTrainer(
  runtime: Runtime,
  options: Partial<TrainerOptions>,
  work: (trainer: Trainer) => Promise<number>,
): Promise<number> {
  const trainer = new Trainer(
    runtime,
    { shape: SMALL, weightDecay: 0, maxGradientNorm: 0, ...options },
    initialState(makeSmallWeights()),
  )
  try {
    return await work(trainer)
  } finally {
    await trainer.release()
  }
}

/** Each row's log-probabilities, token by token. */
async function computeLogProbs(trainer: Trainer, rows: readonly PackedRow[]): Promise<Float32Array[]> {
  const logProbs = await trainer.logProbs(
    makeBatch(
      rows.map((row) => [row]),
      rows.length,
      12,
    ),
  )
  let at = 0
  return rows.map((row) => logProbs.slice(at, (at += countPredictions([[row]]))))
}
const sumLogProbs = async (trainer: Trainer, rows: readonly PackedRow[]): Promise<number[]> =>
  (await computeLogProbs(trainer, rows)).map((row) => row.reduce((sum, one) => sum + one, 0))

/** The accuracy of sums of about ten log-probabilities in 32-bit floats. */
const BOUND = 1e-4
const ADVANTAGES = [0.7, -1.2, 0.5]

export const answerClaims: readonly Claim[] = [
  ...(
    [
      ['dpo', Math.LN2, 'log 2'],
      ['kto', 0.5, '0.5'],
    ] as const
  ).map(([loss, expected, shown]): Claim => ({
    group: 'losses',
    name: `${loss} of a student that is its own reference is ${shown}`,
    bound: BOUND,
    measure: ({ runtime }) =>
      withTrainer(runtime, { objective: makePreference({ loss, ...PREFERRING }) }, async (trainer) => {
        const pairs = makeSmallPairs(3)
        const [good, bad] = [
          await sumLogProbs(
            trainer,
            pairs.map(({ chosen }) => chosen),
          ),
          await sumLogProbs(
            trainer,
            pairs.map(({ rejected }) => rejected),
          ),
        ]
        const withReference = pairs.map(({ chosen, rejected }, i) => ({
          chosen,
          rejected,
          reference: { chosen: good[i] ?? Number.NaN, rejected: bad[i] ?? Number.NaN },
        }))
        return Math.abs(
          (await trainer.measure([makePairBatch(withReference, 3, 12, { averages: false })])) - expected,
        )
      }),
  })),
  {
    group: 'losses',
    name: 'grpo at the weights that generated the answers is minus their mean advantage',
    bound: BOUND,
    measure: ({ runtime }) =>
      withTrainer(runtime, { objective: makePolicy({ clip: 0.2, beta: 0.1 }) }, async (trainer) => {
        const rows = makeSmallRows(3)
        const oldLogProbs = await computeLogProbs(trainer, rows)
        const tokens = rows.map((row) => countPredictions([[row]]))
        const expected =
          -ADVANTAGES.reduce((sum, advantage, i) => sum + advantage * (tokens[i] ?? Number.NaN), 0) /
          tokens.reduce((a, b) => a + b, 0)
        const { loss } = await trainer.train(
          makePolicyBatch(
            rows.map((row, i) => ({
              row,
              advantage: ADVANTAGES[i] ?? Number.NaN,
              oldLogProbs: oldLogProbs[i] ?? new Float32Array(),
            })),
            3,
            12,
          ),
          0,
        )
        return Math.abs(loss - expected)
      }),
  },
]
