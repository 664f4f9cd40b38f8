// A class head against transformers' LlamaForSequenceClassification (tests/oracles/classes.py) and its own invariants.
import { describe, expect, test } from 'vitest'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { CLASS_OPTIONS, makeClassRows, SMALL_CLASSES } from '../../../src/engine/checks/small-classes.ts'
import { makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import { Classifier } from '../../../src/engine/training/classifier.ts'
import { readCheckpoint, writeCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import { makeBatch, type PackedRow } from '../../../src/engine/training/packing.ts'
import {
  CLASS_HEAD,
  listParameters,
  initialWeights,
  viewParameters,
} from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { makeDistillation } from '../../../src/engine/training/objectives/distillation.ts'
import { makeTexts } from '../../../src/engine/training/objectives/texts.ts'
import { initialState, Trainer, type TrainerOptions } from '../../../src/engine/training/trainer.ts'
import oracle from '../../oracles/classes.json'
import { openTestRuntime } from '../session.ts'

const { temperature, softShare, smoothing } = CLASS_OPTIONS
const soften = (share: number, smooth = 0): Pick<TrainerOptions, 'objective'> => ({
  objective: makeDistillation({
    divergence: 'forward-kl',
    temperature,
    textShare: 1 - share,
    smoothing: smooth,
  }),
})
const LOSSES = {
  hard: {},
  smoothed: { objective: makeTexts({ smoothing }) },
  soft: soften(1),
  both: soften(softShare, smoothing),
} as const
const batchOf = (rows: readonly PackedRow[]) =>
  makeBatch(
    rows.map((row) => [row]),
    3,
    12,
  )
const promptsOf = (rows: readonly PackedRow[]): number[][] =>
  rows.map(({ tokens }) => [...tokens.subarray(0, -1)])

describe.each(['separate', 'fused'] as const)('six steps with parameters in %s buffers', (layout) => {
  test.each(['hard', 'smoothed', 'soft', 'both'] as const)(
    'give the losses, norms, weights and probabilities of transformers: %s labels',
    async (kind) => {
      const runtime = await openTestRuntime()
      const trainer = new Trainer(
        runtime,
        { shape: SMALL_CLASSES, weightDecay: 0.1, maxGradientNorm: 1, layout, ...LOSSES[kind] },
        initialState(makeSmallWeights(SMALL_CLASSES)),
      )
      const expected = oracle[kind]
      for (let step = 1; step <= 6; step++) {
        const { loss, norm } = await trainer.train(
          batchOf(makeClassRows(step)),
          learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 }),
        )
        expect(
          Math.abs(loss - (expected.losses[step - 1] ?? Number.NaN)),
          `loss of step ${step}`,
        ).toBeLessThanOrEqual(1e-3 * loss)
        expect(
          Math.abs(norm - (expected.norms[step - 1] ?? Number.NaN)),
          `norm of step ${step}`,
        ).toBeLessThanOrEqual(1e-2 * norm)
      }
      const weights = await trainer.readWeights()
      const views = viewParameters(listParameters(SMALL_CLASSES), weights)
      expect(
        worstDifference(views.get('embedding')?.subarray(0, 8) ?? [], expected.embedding),
      ).toBeLessThanOrEqual(2e-3)
      expect(worstDifference(views.get(CLASS_HEAD)?.subarray(0, 8) ?? [], expected.head)).toBeLessThanOrEqual(
        2e-3,
      )
      const classifier = new Classifier(runtime, SMALL_CLASSES, weights)
      const results = await classifier.classify(promptsOf(makeClassRows(7)))
      results.forEach((row, i) =>
        expect(worstDifference(row ?? [], expected.after[i] ?? []), `row ${i}`).toBeLessThanOrEqual(2e-3),
      )
      expect(results.length).toBe(expected.after.length)
      await classifier.release()
      await trainer.release()
    },
  )
})

test('a classifier’s loss is its mean negative log-probability, independent of other texts in the batch', async () => {
  const runtime = await openTestRuntime()
  const weights = makeSmallWeights(SMALL_CLASSES)
  const rows = [...makeClassRows(1), ...makeClassRows(2), ...makeClassRows(3), ...makeClassRows(4)]
  const classifier = new Classifier(runtime, SMALL_CLASSES, weights)
  const together = await classifier.classify(promptsOf(rows))
  expect(
    worstDifference((await classifier.classify(promptsOf(rows).slice(5, 6)))[0] ?? [], together[5] ?? []),
  ).toBeLessThanOrEqual(1e-6)
  const trainer = new Trainer(
    runtime,
    { shape: SMALL_CLASSES, weightDecay: 0, maxGradientNorm: 0 },
    initialState(weights),
  )
  const loss = await trainer.measure([
    makeBatch(
      rows.map((row) => [row]),
      12,
      12,
    ),
  ])
  const expected =
    rows.reduce((sum, { tokens }, i) => sum - Math.log(together[i]?.[tokens.at(-1) ?? -1] ?? Number.NaN), 0) /
    rows.length
  expect(Math.abs(loss - expected)).toBeLessThanOrEqual(1e-5)
  await trainer.release()
  await classifier.release()
})

test('classify skips empty and too long texts and stops on abort', async () => {
  const classifier = new Classifier(await openTestRuntime(), SMALL_CLASSES, makeSmallWeights(SMALL_CLASSES))
  const results = await classifier.classify([
    [],
    Array.from({ length: 13 }, () => 1),
    Array.from({ length: 12 }, () => 1),
  ])
  expect(results.map((row) => row?.length)).toEqual([undefined, undefined, 5])
  const aborted = new AbortController()
  aborted.abort()
  expect(await classifier.classify([[1]], { signal: aborted.signal })).toEqual([undefined])
  expect(() => classifier.load(makeSmallWeights())).toThrow('this shape has')
  expect(() => new Classifier({} as never, SMALL, makeSmallWeights())).toThrow('A decoder without classes')
  await classifier.release()
})

test('the initial values of other parameters do not depend on a class head', () => {
  const draw = () => {
    let word = 0
    return (): number => (word = (word + 0.618) % 1)
  }
  const [plain, classed] = [SMALL, SMALL_CLASSES].map((shape) =>
    viewParameters(listParameters(shape), initialWeights(listParameters(shape), draw())),
  )
  for (const [name, view] of plain ?? []) expect(classed?.get(name), name).toEqual(view)
  expect(classed?.get(CLASS_HEAD)?.some((x) => x !== 0)).toBe(true)
})

test('a checkpoint stores classes and error rates, and has no classes without a class head', () => {
  const write = (shape: typeof SMALL) =>
    writeCheckpoint({
      shape,
      state: initialState(makeSmallWeights(shape)),
      cursor: { epoch: 0, next: 0, random: [1, 2, 3, 4] },
      tokenizer: { json: '{}', config: '{}' },
      losses: [{ step: 1, train: 2, heldOut: 1, errorRate: 0.25 }],
      about: '',
    })
  const read = readCheckpoint(write(SMALL_CLASSES))
  expect(read).toMatchObject({
    ok: true,
    checkpoint: { shape: SMALL_CLASSES, losses: [{ errorRate: 0.25 }] },
  })
  const plain = readCheckpoint(write(SMALL))
  expect(plain.ok && 'classes' in plain.checkpoint.shape).toBe(false)
})
