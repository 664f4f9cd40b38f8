// GRPO's loss against PyTorch's numbers (tests/oracles/train-step.py) and against its own limits.
import { expect, test } from 'vitest'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import { countPredictions, makeBatch, type PackedRow } from '../../../src/engine/training/packing.ts'
import { listParameters, viewParameters } from '../../../src/engine/training/parameters.ts'
import { findAdvantages, makePolicyBatch, type RewardedRow } from '../../../src/engine/training/policy.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { beginState, Trainer, type TrainerOptions } from '../../../src/engine/training/trainer.ts'
import oracle from '../../oracles/train-step.json'
import { openTestRuntime } from '../session.ts'

const reinforces = { clip: 0.2, beta: 0.1 }
const rateOf = (step: number): number => learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 })
const makeTrainer = async (options: Partial<TrainerOptions> = {}): Promise<Trainer> =>
  new Trainer(
    await openTestRuntime(),
    { shape: SMALL, weightDecay: 0.1, clip: 1, reinforces, ...options },
    beginState(makeSmallWeights()),
  )

/** Each row's log-probabilities under the trainer's weights. */
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

/** The answers of the oracle's step: probabilities before and under the reference are off by formula. */
async function rewardStep(trainer: Trainer, step: number): Promise<RewardedRow[]> {
  const rows = makeSmallRows(step)
  const present = await findEach(trainer, rows)
  const advantages = findAdvantages([1, 0, 0.25 * step], 3)
  return rows.map((row, r) => ({
    row,
    advantage: advantages[r] ?? Number.NaN,
    before: present[r]!.map((x, i) => x + 0.3 * Math.sin(1 + i + 3 * r)),
    reference: present[r]!.map((x, i) => x + 0.2 * Math.sin(2 + i + r)),
  }))
}

test('six steps give the losses, gradient norms and weights that PyTorch gives', async () => {
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

test('empty places, more padding and several parts change nothing but rounding', async () => {
  const [plain, loose, parts] = [await makeTrainer(), await makeTrainer(), await makeTrainer()]
  const answers = await rewardStep(plain, 2)
  const tokens = countPredictions(answers.map(({ row }) => [row]))
  const first = await plain.train(makePolicyBatch(answers, 3, 12), 0)
  const second = await loose.train(makePolicyBatch(answers, 5, 24), 0)
  const third = await parts.train(
    [makePolicyBatch(answers.slice(0, 2), 2, 12, tokens), makePolicyBatch(answers.slice(2), 2, 12, tokens)],
    0,
  )
  for (const other of [second, third]) {
    expect(Math.abs(other.loss - first.loss)).toBeLessThanOrEqual(1e-5)
    expect(Math.abs(other.norm - first.norm)).toBeLessThanOrEqual(1e-3 * first.norm)
  }
  for (const trainer of [plain, loose, parts]) await trainer.release()
})

test('at the weights that wrote the answers the loss is minus the mean advantage, and its gradient that of the likelihoods', async () => {
  const trainer = await makeTrainer({ reinforces: { clip: 0.2, beta: 0 } })
  const rows = makeSmallRows(3)
  const before = await findEach(trainer, rows)
  const advantages = [0.7, -1.2, 0.5]
  const tokens = rows.map((row) => countPredictions([[row]]))
  const wanted =
    -advantages.reduce((sum, advantage, i) => sum + advantage * (tokens[i] ?? 0), 0) /
    tokens.reduce((a, b) => a + b, 0)
  const { loss } = await trainer.train(
    makePolicyBatch(
      rows.map((row, i) => ({ row, advantage: advantages[i]!, before: before[i]! })),
      3,
      12,
    ),
    0.003,
  )
  expect(Math.abs(loss - wanted)).toBeLessThanOrEqual(1e-5)
  const after = await findEach(trainer, rows)
  const gained = after.map((row, i) => row.reduce((sum, x, j) => sum + x - before[i]![j]!, 0))
  expect(gained.reduce((sum, gain, i) => sum + gain * advantages[i]!, 0)).toBeGreaterThan(0)
  await trainer.release()
})

test('a token that has moved further than the clip allows teaches nothing more', async () => {
  const trainer = await makeTrainer({ reinforces: { clip: 0.2, beta: 0 } })
  const rows = makeSmallRows(1)
  const before = (await findEach(trainer, rows)).map((row) => row.map((x) => x - 1))
  const { loss, norm } = await trainer.train(
    makePolicyBatch(
      rows.map((row, i) => ({ row, advantage: 1, before: before[i]! })),
      3,
      12,
    ),
    0.003,
  )
  expect(Math.abs(loss + 1.2)).toBeLessThanOrEqual(1e-5)
  expect(norm).toBe(0)
  await trainer.release()
})

test('advantages compare within a group: alike teaches nothing, one good of four stands out', () => {
  expect(findAdvantages([1, 1, 0, 0], 2)).toEqual([0, 0, 0, 0])
  const found = findAdvantages([1, 0, 0, 0, 2, 2, 2, 2], 4)
  ;[1.5, -0.5, -0.5, -0.5, 0, 0, 0, 0].forEach((wanted, i) =>
    expect(Math.abs((found[i] ?? Number.NaN) - wanted)).toBeLessThan(1e-3),
  )
})

test('a batch that does not say how good its answers are is refused', async () => {
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
  ).rejects.toThrow('The batch does not say how good its answers are.')
  await trainer.release()
})
