// GRPO's loss against PyTorch's numbers (tests/oracles/train-step.py) and its own invariants.
import { expect, test } from 'vitest'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import { countPredictions, makeBatch, type PackedRow } from '../../../src/engine/training/packing.ts'
import { listParameters, viewParameters } from '../../../src/engine/training/parameters.ts'
import { computeAdvantages, makePolicyBatch, type RewardedRow } from '../../../src/engine/training/policy.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { makePolicy } from '../../../src/engine/training/objectives/policy.ts'
import { initialState, Trainer, type TrainerOptions } from '../../../src/engine/training/trainer.ts'
import oracle from '../../oracles/train-step.json'
import { openTestRuntime } from '../session.ts'

const objective = makePolicy({ clip: 0.2, beta: 0.1 })
const rateOf = (step: number): number => learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 })
const makeTrainer = async (options: Partial<TrainerOptions> = {}): Promise<Trainer> =>
  new Trainer(
    await openTestRuntime(),
    { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1, objective, ...options },
    initialState(makeSmallWeights()),
  )

/** Each row's log-probabilities under the trainer's weights. */
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

/** The answers of the oracle's step: the old and the reference log-probabilities differ by a formula. */
async function rewardStep(trainer: Trainer, step: number): Promise<RewardedRow[]> {
  const rows = makeSmallRows(step)
  const logProbs = await computeLogProbs(trainer, rows)
  const advantages = computeAdvantages([1, 0, 0.25 * step], 3)
  return rows.map((row, r) => ({
    row,
    advantage: advantages[r] ?? Number.NaN,
    oldLogProbs: logProbs[r]!.map((x, i) => x + 0.3 * Math.sin(1 + i + 3 * r)),
    referenceLogProbs: logProbs[r]!.map((x, i) => x + 0.2 * Math.sin(2 + i + r)),
  }))
}

test('trains with the losses, gradient norms and weights of PyTorch for six steps', async () => {
  const trainer = await makeTrainer()
  const saved = oracle.policy
  for (let step = 1; step <= 6; step++) {
    const { loss, norm } = await trainer.train(
      makePolicyBatch(await rewardStep(trainer, step), 3, 12),
      rateOf(step),
    )
    expect(
      Math.abs(loss - (saved.losses[step - 1] ?? Number.NaN)),
      `loss of step ${step}`,
    ).toBeLessThanOrEqual(1e-3)
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

test('empty rows, padding and gradient accumulation change only rounding', async () => {
  const [plain, padded, accumulated] = [await makeTrainer(), await makeTrainer(), await makeTrainer()]
  const answers = await rewardStep(plain, 2)
  const tokens = countPredictions(answers.map(({ row }) => [row]))
  const first = await plain.train(makePolicyBatch(answers, 3, 12), 0)
  const second = await padded.train(makePolicyBatch(answers, 5, 24), 0)
  const third = await accumulated.train(
    [makePolicyBatch(answers.slice(0, 2), 2, 12, tokens), makePolicyBatch(answers.slice(2), 2, 12, tokens)],
    0,
  )
  for (const other of [second, third]) {
    expect(Math.abs(other.loss - first.loss)).toBeLessThanOrEqual(1e-5)
    expect(Math.abs(other.norm - first.norm)).toBeLessThanOrEqual(1e-3 * first.norm)
  }
  for (const trainer of [plain, padded, accumulated]) await trainer.release()
})

test('at the generating weights, the loss is minus the mean advantage and the gradient raises good answers', async () => {
  const trainer = await makeTrainer({ objective: makePolicy({ clip: 0.2, beta: 0 }) })
  const rows = makeSmallRows(3)
  const oldLogProbs = await computeLogProbs(trainer, rows)
  const advantages = [0.7, -1.2, 0.5]
  const tokens = rows.map((row) => countPredictions([[row]]))
  const expected =
    -advantages.reduce((sum, advantage, i) => sum + advantage * (tokens[i] ?? 0), 0) /
    tokens.reduce((a, b) => a + b, 0)
  const { loss } = await trainer.train(
    makePolicyBatch(
      rows.map((row, i) => ({ row, advantage: advantages[i]!, oldLogProbs: oldLogProbs[i]! })),
      3,
      12,
    ),
    0.003,
  )
  expect(Math.abs(loss - expected)).toBeLessThanOrEqual(1e-5)
  const after = await computeLogProbs(trainer, rows)
  const gained = after.map((row, i) => row.reduce((sum, x, j) => sum + x - oldLogProbs[i]![j]!, 0))
  expect(gained.reduce((sum, gain, i) => sum + gain * advantages[i]!, 0)).toBeGreaterThan(0)
  await trainer.release()
})

test('tokens beyond the clip range give no gradient', async () => {
  const trainer = await makeTrainer({ objective: makePolicy({ clip: 0.2, beta: 0 }) })
  const rows = makeSmallRows(1)
  const oldLogProbs = (await computeLogProbs(trainer, rows)).map((row) => row.map((x) => x - 1))
  const { loss, norm } = await trainer.train(
    makePolicyBatch(
      rows.map((row, i) => ({ row, advantage: 1, oldLogProbs: oldLogProbs[i]! })),
      3,
      12,
    ),
    0.003,
  )
  expect(Math.abs(loss + 1.2)).toBeLessThanOrEqual(1e-5)
  expect(norm).toBe(0)
  await trainer.release()
})

test('computeAdvantages compares within a group and returns zeros for equal rewards', () => {
  expect(computeAdvantages([1, 1, 0, 0], 2)).toEqual([0, 0, 0, 0])
  const advantages = computeAdvantages([1, 0, 0, 0, 2, 2, 2, 2], 4)
  ;[1.5, -0.5, -0.5, -0.5, 0, 0, 0, 0].forEach((expected, i) =>
    expect(Math.abs((advantages[i] ?? Number.NaN) - expected)).toBeLessThan(1e-3),
  )
})

test('refuses a batch without advantages', async () => {
  const trainer = await makeTrainer()
  await expect(
    trainer.train(
      makeBatch(
        makeSmallRows(1).map((row) => [row]),
        3,
        12,
      ),
      0.001,
    ),
  ).rejects.toThrow('The batch has no advantages.')
  await trainer.release()
})
