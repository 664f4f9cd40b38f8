// The preference losses against PyTorch's numbers (tests/oracles/train-step.py) and their own invariants.
import { describe, expect, test } from 'vitest'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import {
  makeSmallPairs,
  makeSmallRows,
  makeSmallWeights,
  PREFERRING,
  SMALL,
} from '../../../src/engine/checks/small.ts'
import { makeBatch } from '../../../src/engine/training/packing.ts'
import { lengthOfPair, makePairBatch, type TrainPair } from '../../../src/engine/training/pairs.ts'
import { listParameters, viewParameters } from '../../../src/engine/training/parameters.ts'
import { PREFERENCES, type PreferenceName } from '../../../src/engine/training/preferences/index.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { makePreference } from '../../../src/engine/training/objectives/preference.ts'
import { initialState, Trainer, type TrainerOptions } from '../../../src/engine/training/trainer.ts'
import oracle from '../../oracles/train-step.json'
import { openTestRuntime } from '../session.ts'

const names = Object.keys(PREFERENCES) as PreferenceName[]
const rateOf = (step: number): number => learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 })
const makeTrainer = async (options: Partial<TrainerOptions>): Promise<Trainer> =>
  new Trainer(
    await openTestRuntime(),
    { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1, ...options },
    initialState(makeSmallWeights()),
  )
const batchOf = (
  loss: PreferenceName,
  pairs: readonly TrainPair[],
  slots = pairs.length,
  length = 12,
  pairsInStep?: number,
) =>
  makePairBatch(pairs, slots, length, {
    averages: PREFERENCES[loss].averages,
    ...(pairsInStep === undefined ? {} : { pairsInStep }),
  })

/** Log-probabilities of the chosen answers, sums over their tokens. */
async function sumLogProbs(trainer: Trainer, pairs: readonly TrainPair[]): Promise<number[]> {
  const logProbs = await trainer.logProbs(
    makeBatch(
      pairs.map(({ chosen }) => [chosen]),
      pairs.length,
      12,
    ),
  )
  let at = 0
  return pairs.map(({ chosen }) =>
    logProbs.subarray(at, (at += chosen.tokens.length - 1 - chosen.from)).reduce((sum, one) => sum + one, 0),
  )
}

describe.each(names)('%s', (loss) => {
  const objective = makePreference({ loss, ...PREFERRING })
  const drift = PREFERENCES[loss].needsDrift ? PREFERRING.drift : 0

  test('trains with the losses, gradient norms and weights of PyTorch for six steps', async () => {
    const trainer = await makeTrainer({ objective })
    const saved = oracle.preferences[loss]
    for (let step = 1; step <= 6; step++) {
      const { loss: found, norm } = await trainer.train(
        batchOf(loss, makeSmallPairs(step)),
        rateOf(step),
        undefined,
        drift,
      )
      expect(
        Math.abs(found - (saved.losses[step - 1] ?? Number.NaN)),
        `loss of step ${step}`,
      ).toBeLessThanOrEqual(1e-3 * found)
      expect(
        Math.abs(norm - (saved.norms[step - 1] ?? Number.NaN)),
        `norm of step ${step}`,
      ).toBeLessThanOrEqual(1e-2 * norm)
    }
    const views = viewParameters(listParameters(SMALL), (await trainer.read()).weights)
    for (const [theirs, ours] of [
      ['embedding', 'embedding'],
      ['1.qkv', 'layer 1 qkv'],
      ['1.down', 'layer 1 down'],
      ['norm', 'final norm'],
    ] as const) {
      expect(
        worstDifference(views.get(ours)?.subarray(0, 8) ?? [], saved.final[theirs]),
        ours,
      ).toBeLessThanOrEqual(2e-3)
    }
    await trainer.release()
  })

  test('empty slots, padding and gradient accumulation change only rounding', async () => {
    const pairs = makeSmallPairs(2)
    const [plain, padded, accumulated] = [
      await makeTrainer({ objective }),
      await makeTrainer({ objective }),
      await makeTrainer({ objective }),
    ]
    const first = await plain.train(batchOf(loss, pairs), 0, undefined, drift)
    const second = await padded.train(batchOf(loss, pairs, 5, 24), 0, undefined, drift)
    const third = await accumulated.train(
      [batchOf(loss, pairs.slice(0, 2), 2, 12, 3), batchOf(loss, pairs.slice(2), 2, 12, 3)],
      0,
      undefined,
      drift,
    )
    for (const other of [second, third]) {
      expect(Math.abs(other.loss - first.loss)).toBeLessThanOrEqual(1e-5 * first.loss)
      expect(Math.abs(other.norm - first.norm)).toBeLessThanOrEqual(1e-3 * first.norm)
    }
    for (const trainer of [plain, padded, accumulated]) await trainer.release()
  })

  test('training makes the chosen answers more likely than the rejected ones', async () => {
    const trainer = await makeTrainer({ objective })
    const pairs = makeSmallPairs(4)
    const swapped = pairs.map(({ chosen, rejected }) => ({ chosen: rejected, rejected: chosen }))
    const margin = async (): Promise<number> => {
      const [good, bad] = [await sumLogProbs(trainer, pairs), await sumLogProbs(trainer, swapped)]
      return good.reduce((sum, x, i) => sum + x - (bad[i] ?? Number.NaN), 0)
    }
    const before = await margin()
    for (let step = 1; step <= 15; step++) await trainer.train(batchOf(loss, pairs), 0.003, undefined, drift)
    expect(await margin()).toBeGreaterThan(before + 1)
    await trainer.release()
  })
})

test('a student that is its own reference has the loss log 2 for DPO and 0.5 for KTO', async () => {
  const pairs = makeSmallPairs(3).map(({ chosen, rejected }) => ({ chosen, rejected }))
  const swapped = pairs.map(({ chosen, rejected }) => ({ chosen: rejected, rejected: chosen }))
  for (const [loss, expected] of [
    ['dpo', Math.log(2)],
    ['kto', 0.5],
  ] as const) {
    const trainer = await makeTrainer({ objective: makePreference({ loss, ...PREFERRING }) })
    const [good, bad] = [await sumLogProbs(trainer, pairs), await sumLogProbs(trainer, swapped)]
    const withReference = pairs.map((pair, i) => ({
      ...pair,
      reference: { chosen: good[i] ?? 0, rejected: bad[i] ?? 0 },
    }))
    expect(Math.abs((await trainer.measure([batchOf(loss, withReference)])) - expected)).toBeLessThanOrEqual(
      1e-5,
    )
    await trainer.release()
  }
})

test('the sum of log-probabilities of a row is minus its cross-entropy', async () => {
  const [preferring, plain] = [
    await makeTrainer({ objective: makePreference({ loss: 'dpo', ...PREFERRING }) }),
    await makeTrainer({}),
  ]
  const pairs = makeSmallPairs(1)
  const sums = await sumLogProbs(preferring, pairs)
  const rows = makeSmallRows(1)
  for (const [i, row] of rows.entries()) {
    const tokens = row.tokens.length - 1 - row.from
    expect(
      Math.abs((sums[i] ?? Number.NaN) + tokens * (await plain.measure([makeBatch([[row]], 1, 12)]))),
    ).toBeLessThanOrEqual(1e-4)
  }
  await preferring.release()
  await plain.release()
})

test('refuses a batch without pairs, and lengthOfPair returns the longer length', async () => {
  const trainer = await makeTrainer({ objective: makePreference({ loss: 'dpo', ...PREFERRING }) })
  await expect(
    trainer.train(
      makeBatch(
        makeSmallRows(1).map((row) => [row]),
        3,
        12,
      ),
      0.001,
    ),
  ).rejects.toThrow('The batch has no pairs of answers.')
  for (const pair of makeSmallPairs(1)) expect(lengthOfPair(pair)).toBe(pair.chosen.tokens.length - 1)
  await trainer.release()
})
