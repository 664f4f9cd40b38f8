// A head of classes against transformers' LlamaForSequenceClassification (tests/oracles/classes.py) and against its own limits.
import { describe, expect, test } from 'vitest'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { CLASSING, makeClassRows, SMALL_CLASSES } from '../../../src/engine/checks/small-classes.ts'
import { makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import { Classifier } from '../../../src/engine/training/classifier.ts'
import { readCheckpoint, writeCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import { makeBatch, type PackedRow } from '../../../src/engine/training/packing.ts'
import {
  CLASS_HEAD,
  listParameters,
  makeFirstWeights,
  viewParameters,
} from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { beginState, Trainer, type TrainerOptions } from '../../../src/engine/training/trainer.ts'
import oracle from '../../oracles/classes.json'
import { openTestRuntime } from '../session.ts'

const { temperature, softShare, smoothing } = CLASSING
const soften = (share: number): Pick<TrainerOptions, 'distils'> => ({
  distils: { divergence: 'forward-kl', temperature, textShare: 1 - share },
})
const LOSSES = {
  hard: {},
  smoothed: { smoothing },
  soft: soften(1),
  both: { smoothing, ...soften(softShare) },
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
    'give the losses, norms, weights and probabilities that transformers gives: %s labels',
    async (kind) => {
      const runtime = await openTestRuntime()
      const trainer = new Trainer(
        runtime,
        { shape: SMALL_CLASSES, weightDecay: 0.1, clip: 1, layout, ...LOSSES[kind] },
        beginState(makeSmallWeights(SMALL_CLASSES)),
      )
      const wanted = oracle[kind]
      for (let step = 1; step <= 6; step++) {
        const { loss, norm } = await trainer.train(
          batchOf(makeClassRows(step)),
          learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 }),
        )
        expect(
          Math.abs(loss - (wanted.losses[step - 1] ?? Number.NaN)),
          `loss of step ${step}`,
        ).toBeLessThanOrEqual(1e-3 * loss)
        expect(
          Math.abs(norm - (wanted.norms[step - 1] ?? Number.NaN)),
          `norm of step ${step}`,
        ).toBeLessThanOrEqual(1e-2 * norm)
      }
      const weights = await trainer.readWeights()
      const views = viewParameters(listParameters(SMALL_CLASSES), weights)
      expect(
        worstDifference(views.get('embedding')?.subarray(0, 8) ?? [], wanted.embedding),
      ).toBeLessThanOrEqual(2e-3)
      expect(worstDifference(views.get(CLASS_HEAD)?.subarray(0, 8) ?? [], wanted.head)).toBeLessThanOrEqual(
        2e-3,
      )
      const classifier = new Classifier(runtime, SMALL_CLASSES, weights)
      const found = await classifier.classify(promptsOf(makeClassRows(7)))
      found.forEach((row, i) =>
        expect(worstDifference(row ?? [], wanted.after[i] ?? []), `row ${i}`).toBeLessThanOrEqual(2e-3),
      )
      expect(found.length).toBe(wanted.after.length)
      await classifier.release()
      await trainer.release()
    },
  )
})

test('a classifier’s loss is minus the mean of the logarithms of its own probabilities, whatever stands beside a text', async () => {
  const runtime = await openTestRuntime()
  const weights = makeSmallWeights(SMALL_CLASSES)
  const rows = [...makeClassRows(1), ...makeClassRows(2), ...makeClassRows(3), ...makeClassRows(4)]
  const classifier = new Classifier(runtime, SMALL_CLASSES, weights)
  const together = await classifier.classify(promptsOf(rows))
  expect(
    worstDifference((await classifier.classify(promptsOf(rows).slice(5, 6)))[0] ?? [], together[5] ?? []),
  ).toBeLessThanOrEqual(1e-6)
  const trainer = new Trainer(runtime, { shape: SMALL_CLASSES, weightDecay: 0, clip: 0 }, beginState(weights))
  const loss = await trainer.measure([
    makeBatch(
      rows.map((row) => [row]),
      12,
      12,
    ),
  ])
  const wanted =
    rows.reduce((sum, { tokens }, i) => sum - Math.log(together[i]?.[tokens.at(-1) ?? -1] ?? Number.NaN), 0) /
    rows.length
  expect(Math.abs(loss - wanted)).toBeLessThanOrEqual(1e-5)
  await trainer.release()
  await classifier.release()
})

test('texts that are empty or longer than the context have no answer, and an abort ends it', async () => {
  const classifier = new Classifier(await openTestRuntime(), SMALL_CLASSES, makeSmallWeights(SMALL_CLASSES))
  const found = await classifier.classify([
    [],
    Array.from({ length: 13 }, () => 1),
    Array.from({ length: 12 }, () => 1),
  ])
  expect(found.map((row) => row?.length)).toEqual([undefined, undefined, 5])
  const aborted = new AbortController()
  aborted.abort()
  expect(await classifier.classify([[1]], { signal: aborted.signal })).toEqual([undefined])
  expect(() => classifier.load(makeSmallWeights())).toThrow('this shape has')
  expect(() => new Classifier({} as never, SMALL, makeSmallWeights())).toThrow('A decoder without classes')
  await classifier.release()
})

test('all other parameters begin as they would without a head of classes', () => {
  const draw = () => {
    let word = 0
    return (): number => (word = (word + 0.618) % 1)
  }
  const [plain, classed] = [SMALL, SMALL_CLASSES].map((shape) =>
    viewParameters(listParameters(shape), makeFirstWeights(listParameters(shape), draw())),
  )
  for (const [name, view] of plain ?? []) expect(classed?.get(name), name).toEqual(view)
  expect(classed?.get(CLASS_HEAD)?.some((x) => x !== 0)).toBe(true)
})

test('a checkpoint keeps the classes and what was answered wrongly; one of before has none', () => {
  const write = (shape: typeof SMALL) =>
    writeCheckpoint({
      shape,
      state: beginState(makeSmallWeights(shape)),
      cursor: { epoch: 0, next: 0, random: [1, 2, 3, 4] },
      tokenizer: { json: '{}', config: '{}' },
      losses: [{ step: 1, train: 2, heldOut: 1, wrong: 0.25 }],
      about: '',
    })
  const read = readCheckpoint(write(SMALL_CLASSES))
  expect(read).toMatchObject({ ok: true, checkpoint: { shape: SMALL_CLASSES, losses: [{ wrong: 0.25 }] } })
  const before = readCheckpoint(write(SMALL))
  expect(before.ok && 'classes' in before.checkpoint.shape).toBe(false)
})
