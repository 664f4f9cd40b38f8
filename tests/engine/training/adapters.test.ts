// LoRA against peft's numbers (tests/oracles/adapters.py) and its own invariants.
import { expect, test } from 'vitest'
import { makeNumbers, worstDifference } from '../../../src/engine/checks/numbers.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import { elementsOf } from '../../../src/engine/graph/dims.ts'
import {
  ADAPTER_TARGETS,
  listAdapters,
  initialAdapters,
  mergeAdapters,
  type AdapterOptions,
} from '../../../src/engine/training/adapters.ts'
import { countPredictions, makeBatch } from '../../../src/engine/training/packing.ts'
import { viewParameters, type Flat } from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { initialState, Trainer, type TrainerOptions } from '../../../src/engine/training/trainer.ts'
import oracle from '../../oracles/adapters.json'
import { openTestRuntime } from '../session.ts'

const OPTIONS: AdapterOptions = { rank: 4, alpha: 6, targets: ['q', 'v', 'output', 'gate', 'down'] }
const rateOf = (step: number): number => learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 })
const batchOf = (step: number) =>
  makeBatch(
    makeSmallRows(step).map((row) => [row]),
    3,
    12,
  )

/** The oracle's adapters. */
function makeAdapters(options = OPTIONS): Flat {
  const parts = listAdapters(SMALL, options).map(({ name, shape }, i) =>
    makeNumbers(elementsOf(shape), 100 + i, name.endsWith('A') ? 0.2 : 0.1),
  )
  return Float32Array.from(parts.flatMap((part) => [...part]))
}
const makeTrainer = async (
  adapters: Flat,
  options = OPTIONS,
  more: Partial<TrainerOptions> = {},
): Promise<Trainer> =>
  new Trainer(
    await openTestRuntime(),
    {
      shape: SMALL,
      weightDecay: 0.1,
      maxGradientNorm: 1,
      adapts: { ...options, frozen: makeSmallWeights() },
      ...more,
    },
    initialState(adapters),
  )
const measurePlain = async (weights: Flat): Promise<number> => {
  const trainer = new Trainer(
    await openTestRuntime(),
    { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1 },
    initialState(weights),
  )
  const loss = await trainer.measure([batchOf(2)])
  await trainer.release()
  return loss
}

test('trains adapters with the losses, gradient norms and values of peft for six steps', async () => {
  const trainer = await makeTrainer(makeAdapters())
  for (let step = 1; step <= 6; step++) {
    const { loss, norm } = await trainer.train(batchOf(step), rateOf(step))
    expect(
      Math.abs(loss - (oracle.losses[step - 1] ?? Number.NaN)),
      `loss of step ${step}`,
    ).toBeLessThanOrEqual(1e-3 * loss)
    expect(
      Math.abs(norm - (oracle.norms[step - 1] ?? Number.NaN)),
      `norm of step ${step}`,
    ).toBeLessThanOrEqual(1e-2 * norm)
  }
  const views = [...viewParameters(listAdapters(SMALL, OPTIONS), (await trainer.read()).weights).entries()]
  expect(views.length).toBe(oracle.final.length)
  views.forEach(([name, view], i) =>
    expect(worstDifference(view.subarray(0, 4), oracle.final[i] ?? []), name).toBeLessThanOrEqual(2e-3),
  )
  await trainer.release()
})

test('initialAdapters leaves the loss unchanged and draws only A', async () => {
  let word = 0
  const initial = initialAdapters(SMALL, OPTIONS, () => (word = (word + 0.618) % 1))
  for (const [name, view] of viewParameters(listAdapters(SMALL, OPTIONS), initial)) {
    const bound = name.endsWith('A') ? 1 / Math.sqrt(view.length / OPTIONS.rank) : 0
    expect(Math.max(...view.map(Math.abs)), name).toBeLessThanOrEqual(bound)
    if (bound > 0) expect(Math.max(...view), name).toBeGreaterThan(0.8 * bound)
  }
  const trainer = await makeTrainer(initial)
  expect(
    Math.abs((await trainer.measure([batchOf(2)])) - (await measurePlain(makeSmallWeights()))),
  ).toBeLessThanOrEqual(1e-6)
  await trainer.release()
})

test.each([
  OPTIONS,
  { rank: 3, alpha: 9, targets: ['k'] },
  { rank: 8, alpha: 8, targets: ADAPTER_TARGETS },
] as AdapterOptions[])(
  'mergeAdapters gives the same loss as separate adapters: $targets',
  async (options) => {
    const [base, adapters] = [makeSmallWeights(), makeAdapters(options).map((x) => 10 * x)]
    const trainer = await makeTrainer(adapters, options)
    const loss = await trainer.measure([batchOf(2)])
    expect(
      Math.abs(loss - (await measurePlain(mergeAdapters(SMALL, options, base, adapters)))),
    ).toBeLessThanOrEqual(1e-4)
    expect(Math.abs(loss - (await measurePlain(base)))).toBeGreaterThan(1e-3)
    expect(base).toEqual(makeSmallWeights())
    await trainer.release()
  },
)

test('gradient accumulation gives the same step with adapters and weight averaging', async () => {
  const rows = makeSmallRows(3)
  const countedInStep = countPredictions([rows])
  const [whole, accumulated] = [
    await makeTrainer(makeAdapters(), OPTIONS, { emaDecay: 0.9 }),
    await makeTrainer(makeAdapters(), OPTIONS, { emaDecay: 0.9 }),
  ]
  const first = await whole.train(batchOf(3), 0.003)
  const second = await accumulated.train(
    [
      makeBatch([rows.slice(0, 1)], 1, 12, { countedInStep }),
      makeBatch(
        rows.slice(1).map((row) => [row]),
        2,
        12,
        { countedInStep },
      ),
    ],
    0.003,
  )
  expect(Math.abs(first.loss - second.loss)).toBeLessThanOrEqual(1e-5)
  expect(Math.abs(first.norm - second.norm)).toBeLessThanOrEqual(1e-3 * first.norm)
  expect(worstDifference(await whole.readWeights(), await accumulated.readWeights())).toBeLessThanOrEqual(
    1e-4,
  )
  await whole.release()
  await accumulated.release()
})

test('refuses a rank of 0, no projections and a decoder of another size', async () => {
  expect(() => listAdapters(SMALL, { ...OPTIONS, rank: 0 })).toThrow('The rank 0 is not valid')
  expect(() => listAdapters(SMALL, { ...OPTIONS, targets: [] })).toThrow(
    'Adapters need at least one projection',
  )
  await expect(
    makeTrainer(makeAdapters(), OPTIONS, { adapts: { ...OPTIONS, frozen: new Float32Array(8) } }),
  ).rejects.toThrow('The decoder has 8 weights')
})
