// The options of a train step, each against PyTorch's numbers from the same weights and batches
// (tests/oracles/train-step.py).
import { describe, expect, test } from 'vitest'
import { makeDropoutMask } from '../../../src/engine/training/dropout.ts'
import { makeBatch, type Batch } from '../../../src/engine/training/packing.ts'
import { listParameters, viewParameters } from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { makeDistillation } from '../../../src/engine/training/objectives/distillation.ts'
import { makeTexts } from '../../../src/engine/training/objectives/texts.ts'
import { initialState, Trainer, type TrainerOptions } from '../../../src/engine/training/trainer.ts'
import oracle from '../../oracles/train-step.json'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { openTestRuntime } from '../session.ts'
import { DIVERGENCES, type DivergenceName } from '../../../src/engine/training/divergences/index.ts'
import {
  DISTILLING,
  makeSmallRows,
  makeSmallWeights,
  makeTeacherRows,
  makeUniform,
  SMALL,
} from '../../../src/engine/checks/small.ts'

type Saved = Pick<typeof oracle, 'losses' | 'norms' | 'final'>
const rateOf = (step: number): number => learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 })
const unpackedBatch = (step: number): Batch =>
  makeBatch(
    makeSmallRows(step).map((row) => [row]),
    3,
    12,
  )

async function makeTrainer(options: Partial<TrainerOptions> = {}): Promise<Trainer> {
  return new Trainer(
    await openTestRuntime(),
    { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1, ...options },
    initialState(makeSmallWeights()),
  )
}

/** Runs the oracle's steps and compares losses and norms. */
async function compareSteps(
  trainer: Trainer,
  saved: Saved,
  batchesOf: (step: number) => Batch | readonly Batch[] = unpackedBatch,
  steps = 10,
): Promise<void> {
  for (let step = 1; step <= steps; step++) {
    const { loss, norm } = await trainer.train(batchesOf(step), rateOf(step), makeUniform(step))
    const [expectedLoss, expectedNorm] = [
      saved.losses[step - 1] ?? Number.NaN,
      saved.norms[step - 1] ?? Number.NaN,
    ]
    expect(Math.abs(loss - expectedLoss) / expectedLoss, `loss of step ${step}`).toBeLessThanOrEqual(1e-3)
    expect(Math.abs(norm - expectedNorm) / expectedNorm, `norm of step ${step}`).toBeLessThanOrEqual(1e-2)
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

test('matches PyTorch with Muon for hidden matrices and AdamW for the rest', async () => {
  const trainer = await makeTrainer({ optimizer: 'muon' })
  await compareSteps(trainer, oracle.variants.muon)
  await compareWeights(trainer, oracle.variants.muon)
  await trainer.release()
})

test('refuses Muon with fused buffers', async () => {
  await expect(makeTrainer({ optimizer: 'muon', layout: 'fused' })).rejects.toThrow(
    /each needs its own buffer/,
  )
})

test('matches PyTorch with label smoothing and evaluates without it', async () => {
  const [smooth, plain] = [
    await makeTrainer({ objective: makeTexts({ smoothing: 0.1 }) }),
    await makeTrainer(),
  ]
  expect(await smooth.measure([unpackedBatch(1)])).toBeCloseTo(await plain.measure([unpackedBatch(1)]), 6)
  await compareSteps(smooth, oracle.variants.smoothing)
  await compareWeights(smooth, oracle.variants.smoothing)
  await smooth.release()
  await plain.release()
})

test('matches PyTorch with dropout and evaluates without it', async () => {
  const [dropping, plain] = [await makeTrainer({ dropout: 0.25 }), await makeTrainer()]
  expect(await dropping.measure([unpackedBatch(1)])).toBeCloseTo(await plain.measure([unpackedBatch(1)]), 6)
  await compareSteps(dropping, oracle.variants.dropout)
  await compareWeights(dropping, oracle.variants.dropout)
  await expect(dropping.train(unpackedBatch(1), 0.001)).rejects.toThrow('Dropout needs random numbers.')
  await dropping.release()
  await plain.release()
})

test('makeDropoutMask keeps the share and the mean', () => {
  let word = 7
  const random = (): number => (word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0) / 4_294_967_296
  const mask = makeDropoutMask(random, 0.3, 100_001)
  expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / 0.7)]))
  expect(mask.reduce((sum, x) => sum + x, 0) / mask.length).toBeCloseTo(1, 2)
  expect([...makeDropoutMask(random, 0, 3)]).toEqual([1, 1, 1])
})

test('evaluates with the averaged weights and trains as without averaging', async () => {
  const trainer = await makeTrainer({ emaDecay: 0.9 })
  await compareSteps(trainer, oracle.variants.averaging)
  await compareWeights(trainer, oracle.variants.averaging)
  expect(
    Math.abs((await trainer.measure([unpackedBatch(11)])) - oracle.variants.averaging.averaged),
  ).toBeLessThanOrEqual(5e-3)
  const state = await trainer.read()
  expect(worstDifference(state.average ?? [], state.weights)).toBeGreaterThan(1e-3)
  const other = await makeTrainer({ emaDecay: 0.9 })
  other.load(state)
  expect(await other.measure([unpackedBatch(11)])).toBe(await trainer.measure([unpackedBatch(11)]))
  await trainer.release()
  await other.release()
})

test.each(['adam-w', 'muon'] as const)(
  'gradient accumulation over batches of different sizes gives the same step with %s',
  async (optimizer) => {
    const saved = optimizer === 'muon' ? oracle.variants.muon : oracle
    const trainer = await makeTrainer({ optimizer })
    await compareSteps(trainer, saved, (step) => {
      const [a, b, c] = makeSmallRows(step).map((row) => [row]) as [Row, Row, Row]
      const countedInStep = unpackedBatch(step).counted
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

test('packed rows train like separate rows', async () => {
  const trainer = await makeTrainer()
  await compareSteps(trainer, oracle, (step) => {
    const [a, b, c] = makeSmallRows(step) as [Row[number], Row[number], Row[number]]
    return makeBatch([[a, c], [b]], 3, 26, { packs: true })
  })
  await trainer.release()
})

test('packed rows do not attend to each other', async () => {
  const trainer = await makeTrainer()
  const [first, second] = makeSmallRows(4) as [Row[number], Row[number]]
  const other = { ...first, tokens: first.tokens.map((token) => (token + 11) % SMALL.vocabulary) }
  const secondAlone = await trainer.measure([makeBatch([[second]], 1, 12)])
  const lossOf = async (preceding: Row[number]): Promise<number> => {
    const batch = makeBatch([[preceding, second]], 1, 26, { packs: true })
    const skipped = preceding.tokens.length - 1 - preceding.from // the predictions of the first row are ignored
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
  expect(() => makeBatch([[first, second]], 1, 26)).toThrow('Several rows in one line need a mask.')
  await trainer.release()
})

describe.each(Object.keys(DIVERGENCES) as DivergenceName[])(
  '%s to the teacher’s top-k tokens and the remaining mass',
  (divergence) => {
    const objective = makeDistillation({ divergence, ...DISTILLING })

    test('matches PyTorch for eight steps', async () => {
      const trainer = await makeTrainer({ objective })
      await compareSteps(
        trainer,
        oracle.variants[divergence],
        (step) =>
          makeBatch(
            makeTeacherRows(step).map((row) => [row]),
            3,
            12,
          ),
        8,
      )
      await compareWeights(trainer, oracle.variants[divergence])
      await trainer.release()
    })

    test('is the same with packed rows and is evaluated as cross-entropy', async () => {
      const trainer = await makeTrainer({ objective })
      const [a, b, c] = makeTeacherRows(1) as [Row[number], Row[number], Row[number]]
      const { loss } = await trainer.train(makeBatch([[a, c], [b]], 2, 26, { packs: true }), 0)
      expect(
        Math.abs(loss - (oracle.variants[divergence].losses[0] ?? Number.NaN)) / loss,
      ).toBeLessThanOrEqual(1e-3)
      expect(await trainer.measure([makeBatch([[a], [b], [c]], 3, 12)])).toBeCloseTo(
        oracle.losses[0] ?? Number.NaN,
        4,
      )
      await expect(trainer.train(unpackedBatch(1), 0.001)).rejects.toThrow('The batch has no soft targets.')
      await trainer.release()
    })
  },
)
