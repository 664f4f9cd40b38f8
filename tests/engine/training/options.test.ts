// What can be chosen for a train step, each against PyTorch's numbers from the same weights and batches (tests/oracles/train-step.py).
import { describe, expect, test } from 'vitest'
import { makeDropMask } from '../../../src/engine/training/dropout.ts'
import { makeBatch, type Batch } from '../../../src/engine/training/packing.ts'
import { listParameters, viewParameters } from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { beginState, Trainer, type TrainerOptions } from '../../../src/engine/training/trainer.ts'
import oracle from '../../oracles/train-step.json'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { openTestRuntime } from '../session.ts'
import { DIVERGENCES, type DivergenceName } from '../../../src/engine/training/divergences/index.ts'
import {
  DISTILLING,
  makeSmallRows,
  makeSmallWeights,
  makeTaughtRows,
  makeWords,
  SMALL,
} from '../../../src/engine/checks/small.ts'

type Saved = Pick<typeof oracle, 'losses' | 'norms' | 'final'>
const rateOf = (step: number): number => learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 })
const oneALine = (step: number): Batch =>
  makeBatch(
    makeSmallRows(step).map((row) => [row]),
    3,
    12,
  )

async function makeTrainer(options: Partial<TrainerOptions> = {}): Promise<Trainer> {
  return new Trainer(
    await openTestRuntime(),
    { shape: SMALL, weightDecay: 0.1, clip: 1, ...options },
    beginState(makeSmallWeights()),
  )
}

/** Takes the steps that the oracle took and compares losses, norms and weights. */
async function follow(
  trainer: Trainer,
  saved: Saved,
  batchesOf: (step: number) => Batch | readonly Batch[] = oneALine,
  steps = 10,
): Promise<void> {
  for (let step = 1; step <= steps; step++) {
    const { loss, norm } = await trainer.train(batchesOf(step), rateOf(step), makeWords(step))
    const [wantedLoss, wantedNorm] = [
      saved.losses[step - 1] ?? Number.NaN,
      saved.norms[step - 1] ?? Number.NaN,
    ]
    expect(Math.abs(loss - wantedLoss) / wantedLoss, `loss of step ${step}`).toBeLessThanOrEqual(1e-3)
    expect(Math.abs(norm - wantedNorm) / wantedNorm, `norm of step ${step}`).toBeLessThanOrEqual(1e-2)
  }
}
async function compareWeights(trainer: Trainer, saved: Saved): Promise<void> {
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
}

test('Muon for the matrices between the layers, AdamW for the rest', async () => {
  const trainer = await makeTrainer({ optimizer: 'muon' })
  await follow(trainer, oracle.variants.muon)
  await compareWeights(trainer, oracle.variants.muon)
  await trainer.release()
})

test('Muon wants every parameter in a buffer of its own', async () => {
  await expect(makeTrainer({ optimizer: 'muon', layout: 'fused' })).rejects.toThrow(
    /needs each in a buffer of its own/,
  )
})

test('label smoothing, which is not measured', async () => {
  const [smooth, plain] = [await makeTrainer({ smoothing: 0.1 }), await makeTrainer()]
  expect(await smooth.measure([oneALine(1)])).toBeCloseTo(await plain.measure([oneALine(1)]), 6)
  await follow(smooth, oracle.variants.smoothing)
  await compareWeights(smooth, oracle.variants.smoothing)
  await smooth.release()
  await plain.release()
})

test('dropout with given draws, which is not measured', async () => {
  const [dropping, plain] = [await makeTrainer({ dropout: 0.25 }), await makeTrainer()]
  expect(await dropping.measure([oneALine(1)])).toBeCloseTo(await plain.measure([oneALine(1)]), 6)
  await follow(dropping, oracle.variants.dropout)
  await compareWeights(dropping, oracle.variants.dropout)
  await expect(dropping.train(oneALine(1), 0.001)).rejects.toThrow('Dropout needs random numbers.')
  await dropping.release()
  await plain.release()
})

test('masks of dropout keep their share and their mean', () => {
  let word = 7
  const random = (): number => (word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0) / 4_294_967_296
  const mask = makeDropMask(random, 0.3, 100_001)
  expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / 0.7)]))
  expect(mask.reduce((sum, x) => sum + x, 0) / mask.length).toBeCloseTo(1, 2)
  expect([...makeDropMask(random, 0, 3)]).toEqual([1, 1, 1])
})

test('a running average of the weights is what is measured; training goes on as without it', async () => {
  const trainer = await makeTrainer({ averaging: 0.9 })
  await follow(trainer, oracle.variants.averaging)
  await compareWeights(trainer, oracle.variants.averaging)
  expect(
    Math.abs((await trainer.measure([oneALine(11)])) - oracle.variants.averaging.averaged),
  ).toBeLessThanOrEqual(5e-3)
  const state = await trainer.read()
  expect(worstDifference(state.average ?? [], state.weights)).toBeGreaterThan(1e-3)
  const other = await makeTrainer({ averaging: 0.9 })
  other.load(state)
  expect(await other.measure([oneALine(11)])).toBe(await trainer.measure([oneALine(11)]))
  await trainer.release()
  await other.release()
})

test.each(['adam-w', 'muon'] as const)(
  'a step in two parts of different sizes is the step at once, with %s',
  async (optimizer) => {
    const saved = optimizer === 'muon' ? oracle.variants.muon : oracle
    const trainer = await makeTrainer({ optimizer })
    await follow(trainer, saved, (step) => {
      const [a, b, c] = makeSmallRows(step).map((row) => [row]) as [Row, Row, Row]
      const countedInStep = oneALine(step).counted
      return [makeBatch([a, b], 2, 12, { countedInStep }), makeBatch([c], 2, 12, { countedInStep })]
    })
    await compareWeights(trainer, {
      ...saved,
      final: (optimizer === 'muon' ? oracle.variants.muon : oracle.variants.averaging).final,
    })
    await trainer.release()
  },
)
type Row = ReturnType<typeof makeSmallRows>

test('rows that share a line are trained on as rows in lines of their own', async () => {
  const trainer = await makeTrainer()
  await follow(trainer, oracle, (step) => {
    const [a, b, c] = makeSmallRows(step) as [Row[number], Row[number], Row[number]]
    return makeBatch([[a, c], [b]], 3, 26, { packs: true })
  })
  await trainer.release()
})

test('rows in one line see nothing of each other', async () => {
  const trainer = await makeTrainer()
  const [first, second] = makeSmallRows(4) as [Row[number], Row[number]]
  const other = { ...first, tokens: first.tokens.map((token) => (token + 11) % SMALL.vocabulary) }
  const secondAlone = await trainer.measure([makeBatch([[second]], 1, 12)])
  const lossOf = async (before: Row[number]): Promise<number> => {
    const batch = makeBatch([[before, second]], 1, 26, { packs: true })
    const skipped = before.tokens.length - 1 - before.from // what counts of the first row is not looked at
    const counted = batch.counted - skipped
    return trainer.measure([
      {
        ...batch,
        weights: batch.weights.map((weight, i) => (weight === 0 || i < skipped ? 0 : 1 / counted)),
        counted,
      },
    ])
  }
  expect(await lossOf(first)).toBe(await lossOf(other))
  expect(await lossOf(first)).toBeCloseTo(secondAlone, 5)
  expect(() => makeBatch([[first, second]], 1, 26)).toThrow('Rows in one line need to be kept apart.')
  await trainer.release()
})

describe.each(Object.keys(DIVERGENCES) as DivergenceName[])(
  '%s to the teacher’s likeliest tokens and all others together',
  (divergence) => {
    const distils = { divergence, ...DISTILLING }

    test('follows PyTorch through eight steps', async () => {
      const trainer = await makeTrainer({ distils })
      await follow(
        trainer,
        oracle.variants[divergence],
        (step) =>
          makeBatch(
            makeTaughtRows(step).map((row) => [row]),
            3,
            12,
          ),
        8,
      )
      await compareWeights(trainer, oracle.variants[divergence])
      await trainer.release()
    })

    test('is the same in lines that rows share, and is measured as plain cross-entropy', async () => {
      const trainer = await makeTrainer({ distils })
      const [a, b, c] = makeTaughtRows(1) as [Row[number], Row[number], Row[number]]
      const { loss } = await trainer.train(makeBatch([[a, c], [b]], 2, 26, { packs: true }), 0)
      expect(
        Math.abs(loss - (oracle.variants[divergence].losses[0] ?? Number.NaN)) / loss,
      ).toBeLessThanOrEqual(1e-3)
      expect(await trainer.measure([makeBatch([[a], [b], [c]], 3, 12)])).toBeCloseTo(
        oracle.losses[0] ?? Number.NaN,
        4,
      )
      await expect(trainer.train(oneALine(1), 0.001)).rejects.toThrow(
        'The batch brings nothing of the teacher.',
      )
      await trainer.release()
    })
  },
)
