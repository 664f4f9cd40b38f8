// The whole train step against PyTorch's numbers, from the same weights and batches.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { makeBatch } from '../../../src/engine/training/packing.ts'
import { listParameters, viewParameters } from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { openTestRuntime } from '../session.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'

const oracle = JSON.parse(
  readFileSync(new URL('../../oracles/train-step.json', import.meta.url), 'utf8'),
) as { losses: number[]; norms: number[]; final: Record<string, number[]> }
const schedule = { steps: 20, learningRate: 3e-3, warmUp: 0.1 }
const options = { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1 }

describe.each(['separate', 'fused'] as const)('20 steps with parameters in %s buffers', (layout) => {
  test('give the losses, gradient norms and weights of PyTorch', async () => {
    const runtime = await openTestRuntime()
    const trainer = new Trainer(runtime, { ...options, layout }, initialState(makeSmallWeights()))
    for (let step = 1; step <= 20; step++) {
      const { loss, norm } = await trainer.train(
        makeBatch(
          makeSmallRows(step).map((row) => [row]),
          3,
          12,
        ),
        learningRateAt(step, schedule),
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
        worstDifference(views.get(ours)?.subarray(0, 8) ?? [], oracle.final[theirs] ?? []),
        ours,
      ).toBeLessThanOrEqual(2e-3)
    }
    await trainer.release()
  })
})

test('padding and empty rows change only rounding', async () => {
  const runtime = await openTestRuntime()
  const trainer = new Trainer(runtime, options, initialState(makeSmallWeights()))
  const rows = makeSmallRows(3)
  const compact = await trainer.measure([
    makeBatch(
      rows.map((row) => [row]),
      3,
      12,
    ),
  ])
  const padded = await trainer.measure([
    makeBatch(
      rows.map((row) => [row]),
      5,
      24,
    ),
  ])
  expect(Math.abs(compact - padded)).toBeLessThanOrEqual(1e-5)
  await trainer.release()
})

test('rows have the same loss alone and in a batch', async () => {
  const runtime = await openTestRuntime()
  const trainer = new Trainer(runtime, options, initialState(makeSmallWeights()))
  const rows = makeSmallRows(5)
  const alone: number[] = []
  for (const row of rows) alone.push(await trainer.measure([makeBatch([[row]], 1, 12)]))
  const counted = rows.map((row) => row.tokens.length - 1 - row.from)
  const mean =
    alone.reduce((sum, loss, i) => sum + loss * (counted[i] ?? 0), 0) / counted.reduce((a, b) => a + b)
  expect(
    Math.abs(
      (await trainer.measure([
        makeBatch(
          rows.map((row) => [row]),
          3,
          12,
        ),
      ])) - mean,
    ),
  ).toBeLessThanOrEqual(1e-5)
  await trainer.release()
})

test('prompt tokens do not count, and later tokens do not change earlier predictions', async () => {
  const runtime = await openTestRuntime()
  const trainer = new Trainer(runtime, options, initialState(makeSmallWeights()))
  const row = { tokens: Int32Array.of(4, 9, 2, 7, 30), from: 2 } // predicts 7 and 30 only
  const loss = await trainer.measure([makeBatch([[row]], 1, 12)])
  const otherTarget = await trainer.measure([makeBatch([[{ ...row, from: 1 }]], 1, 12)])
  expect(Math.abs(loss - otherTarget)).toBeGreaterThan(1e-3)
  // The first counted prediction alone must not change with the last token, which comes later.
  const first = (last: number): Promise<number> =>
    trainer.measure([
      {
        ...makeBatch([[{ tokens: Int32Array.of(4, 9, 2, 7, last, 5), from: 2 }]], 1, 12),
        weights: Float32Array.from({ length: 12 }, (_, i) => (i === 0 ? 1 : 0)),
        counted: 1,
      },
    ])
  expect(await first(30)).toBe(await first(31))
  await trainer.release()
})
