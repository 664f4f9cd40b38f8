// Rows that attention splits into blocks, against PyTorch's numbers and against the same rows in other batches.
import { expect, test } from 'vitest'
import { LONG, makeLongRows, makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { makeBatch, type Batch, type PackedRow } from '../../../src/engine/training/packing.ts'
import { listParameters, viewParameters } from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import oracle from '../../oracles/long-rows.json'
import { openTestRuntime } from '../session.ts'

const makeTrainer = async (): Promise<Trainer> =>
  new Trainer(
    await openTestRuntime(),
    { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1 },
    initialState(makeSmallWeights()),
  )

test('trains on long rows with the losses, gradient norms and weights of PyTorch', async () => {
  const trainer = await makeTrainer()
  for (let step = 1; step <= 3; step++) {
    const { loss, norm } = await trainer.train(
      makeBatch(
        makeLongRows(step).map((row) => [row]),
        3,
        LONG,
      ),
      learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 }),
    )
    expect(
      Math.abs(loss - (oracle.losses[step - 1] ?? Number.NaN)) / loss,
      `loss of step ${step}`,
    ).toBeLessThanOrEqual(1e-3)
    expect(
      Math.abs(norm - (oracle.norms[step - 1] ?? Number.NaN)) / norm,
      `norm of step ${step}`,
    ).toBeLessThanOrEqual(1e-2)
  }
  const views = viewParameters(listParameters(SMALL), (await trainer.read()).weights)
  for (const [theirs, ours] of [
    ['embedding', 'embedding'],
    ['1.qkv', 'layer 1 qkv'],
    ['1.down', 'layer 1 down'],
    ['norm', 'final norm'],
  ] as const) {
    expect(
      worstDifference(views.get(ours)?.subarray(0, 8) ?? [], oracle.final[theirs]),
      ours,
    ).toBeLessThanOrEqual(2e-3)
  }
  await trainer.release()
})

/** Loss and norm of the first step on a batch. */
async function tryBatch(batch: Batch): Promise<{ loss: number; norm: number }> {
  const trainer = await makeTrainer()
  const result = await trainer.train(batch, 0)
  await trainer.release()
  return result
}
const truncate = ({ tokens, from }: PackedRow, length: number): PackedRow => ({
  tokens: tokens.slice(0, length),
  from: Math.min(from, length - 5),
})

test('packed texts across block borders have the loss and gradient of separate texts', async () => {
  const [a, b, c] = makeLongRows(1) as [PackedRow, PackedRow, PackedRow]
  const rows = [truncate(a, 50), truncate(b, 90), truncate(c, 60), truncate(a, 130)] as const
  const alone = await tryBatch(
    makeBatch(
      rows.map((row) => [row]),
      4,
      LONG,
    ),
  )
  const packed = await tryBatch(makeBatch([[rows[0], rows[1], rows[2]], [rows[3]]], 2, 210, { packs: true }))
  expect(Math.abs(alone.loss - packed.loss)).toBeLessThanOrEqual(1e-5)
  expect(Math.abs(alone.norm - packed.norm) / alone.norm).toBeLessThanOrEqual(1e-4)
})

test('later tokens do not change earlier predictions, within a block or across blocks', async () => {
  const trainer = await makeTrainer()
  const [row] = makeLongRows(2) as [PackedRow]
  /** Loss of the prediction at position `at` if the token at `changed` is another. */
  const lossAt = (at: number, changed: number): Promise<number> => {
    const tokens = row.tokens.map((token, i) => (i === changed ? (token + 7) % SMALL.vocabulary : token))
    const batch = makeBatch([[{ tokens, from: 1 }]], 1, LONG)
    return trainer.measure([
      { ...batch, weights: batch.weights.map((_, i) => (i === at - 1 ? 1 : 0)), counted: 1 },
    ])
  }
  for (const at of [30, 69, 100])
    for (const changed of [at + 2, 118])
      expect(await lossAt(at, changed), `${at} with another token at ${changed}`).toBe(await lossAt(at, LONG))
  // And earlier tokens do change it, in its own block and in the one before.
  for (const changed of [20, 80])
    expect(
      Math.abs((await lossAt(100, changed)) - (await lossAt(100, LONG))),
      `100 with another token at ${changed}`,
    ).toBeGreaterThan(1e-6)
  await trainer.release()
})
