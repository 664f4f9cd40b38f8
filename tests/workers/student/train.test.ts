// The student worker's training, on the real engine in Node with stores in memory.
import { describe, expect, test } from 'vitest'
import type { SettingValues } from '../../../src/domain/settings.ts'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import { finalWeights, readCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import type { TrainEvent } from '../../../src/protocol/student.ts'
import { train } from '../../../workers/student/train.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS, type MemoryStores } from './memory-stores.ts'

interface Ran {
  readonly events: TrainEvent[]
  readonly outcome: Awaited<ReturnType<typeof train>>
}

/** Trains with some settings changed; `stopAfter` aborts when that step is reported. */
async function run(stores: MemoryStores, settings: SettingValues = {}, stopAfter?: number): Promise<Ran> {
  const controller = new AbortController()
  const events: TrainEvent[] = []
  const emit = (event: TrainEvent): void => {
    events.push(event)
    if (event.kind === 'step' && stopAfter !== undefined && event.point.step >= stopAfter) controller.abort()
  }
  let clock = 0
  const outcome = await train(
    { ...IDS, settings: { ...SETTINGS, ...settings }, backend: 'wasm' },
    { signal: controller.signal, emit },
    { stores, openRuntime: openTestRuntime, now: () => (clock += 150) },
  )
  return { events, outcome }
}

const of = <K extends TrainEvent['kind']>(
  events: readonly TrainEvent[],
  kind: K,
): Extract<TrainEvent, { kind: K }>[] =>
  events.filter((event): event is Extract<TrainEvent, { kind: K }> => event.kind === kind)

describe('train', () => {
  test('emits phases, shape, steps, held-out losses, samples and checkpoints, and lowers the loss', async () => {
    const stores = makeMemoryStores(makeRows(24, 6))
    const { events, outcome } = await run(stores, { steps: 60, evaluateEvery: 30 })
    expect(outcome).toEqual({ outcome: 'finished', step: 60, bestStep: 60 })
    expect([...new Set(of(events, 'phase').map(({ phase }) => phase))]).toEqual([
      'tokenizer',
      'packing',
      'building',
      'training',
    ])
    const [shape] = of(events, 'shape')
    expect(shape).toMatchObject({ truncatedRows: 0, skippedRows: 0, shape: { layers: 2, context: 64 } })
    expect(shape?.shape.vocabulary).toBeLessThanOrEqual(320)
    const points = of(events, 'step').map(({ point }) => point)
    expect(points.map(({ step }) => step)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
    expect(points.flatMap(({ step, heldOut }) => (heldOut === undefined ? [] : [step]))).toEqual([30, 60])
    expect(points[59]?.train).toBeLessThan((points[0]?.train ?? 0) / 2)
    expect(points[59]?.heldOut).toBeLessThan(points[29]?.heldOut ?? 0)
    // The first one after three seconds, so that a reload soon after the start loses little.
    expect(of(events, 'checkpoint').map(({ step }) => step)).toEqual([6, 30, 60])
    const samples = of(events, 'samples').at(-1)?.samples ?? []
    expect(samples.map(({ prompt }) => prompt)).toEqual(
      makeRows(24, 6)
        .slice(24, 27)
        .map(({ prompt }) => prompt),
    )
    expect(samples.every(({ text, step }) => step === 60 && text.length > 0)).toBe(true)
    for (const { tokensPerSecond, msLeft, gradientNorm, learningRate } of of(events, 'step'))
      for (const x of [tokensPerSecond, msLeft, gradientNorm, learningRate])
        expect(Number.isFinite(x) && x >= 0).toBe(true)
  })

  test('ends with the same weights and losses after a stop and resume as without', async () => {
    const whole = makeMemoryStores(makeRows(22, 4))
    await run(whole)
    const halves = makeMemoryStores(makeRows(22, 4))
    const first = await run(halves, {}, 5)
    expect(first.outcome).toEqual({ outcome: 'stopped', step: 5 })
    expect(of(first.events, 'checkpoint').at(-1)).toEqual({ kind: 'checkpoint', step: 5 })
    const second = await run(halves)
    expect(second.outcome).toMatchObject({ outcome: 'finished', step: 12 })
    expect(of(second.events, 'phase')[0]).toMatchObject({
      phase: 'resuming',
      sentence: 'Resuming from the checkpoint at step 5.',
    })
    expect(of(second.events, 'step').map(({ point }) => point.step)).toEqual([6, 7, 8, 9, 10, 11, 12])
    const [a, b] = [
      readCheckpoint(whole.checkpoint ?? new Uint8Array()),
      readCheckpoint(halves.checkpoint ?? new Uint8Array()),
    ]
    if (!a.ok || !b.ok) throw new Error('a checkpoint could not be read')
    expect(b.checkpoint.state).toEqual(a.checkpoint.state)
    expect(b.checkpoint.losses).toEqual(a.checkpoint.losses)
  })

  const everything: SettingValues = {
    optimizer: 'muon',
    schedule: 'warm-stable-decay',
    gradientAccumulation: 2,
    packing: true,
    curriculum: 'short-first',
    labelSmoothing: 0.05,
    dropout: 0.1,
    emaDecay: 0.9,
    patience: 50,
    evaluateEvery: 3,
  }

  test('is reproducible bit for bit with every option, uninterrupted and resumed', async () => {
    const [whole, again, halves] = [
      makeMemoryStores(makeRows(22, 4)),
      makeMemoryStores(makeRows(22, 4)),
      makeMemoryStores(makeRows(22, 4)),
    ]
    const { events } = await run(whole, everything)
    await run(again, everything)
    expect((await run(halves, everything, 5)).outcome).toEqual({ outcome: 'stopped', step: 5 })
    const { outcome } = await run(halves, everything)
    expect(outcome).toMatchObject({ outcome: 'finished', step: 12, bestStep: expect.any(Number) as number })
    expect(hashOfBytes(again.checkpoint!)).toBe(hashOfBytes(whole.checkpoint!))
    expect(hashOfBytes(halves.checkpoint!)).toBe(hashOfBytes(whole.checkpoint!))
    const heldOut = of(events, 'step').flatMap(({ point }) =>
      point.heldOut === undefined ? [] : [point.heldOut],
    )
    expect(heldOut.at(-1)).toBeLessThan(heldOut[0] ?? 0)
  }, 120_000)

  test('stops after patience evaluations and keeps the best weights', async () => {
    const stores = makeMemoryStores(
      makeRows(10, 5).map((row) =>
        row.split === 'train' ? row : { ...row, completion: 'Zzyzx quux 12345!' },
      ),
    )
    const { outcome, events } = await run(stores, {
      steps: 400,
      evaluateEvery: 5,
      patience: 2,
      learningRate: 0.02,
      schedule: 'constant',
    })
    const evaluations = of(events, 'step').flatMap(({ point }) =>
      point.heldOut === undefined ? [] : [{ step: point.step, heldOut: point.heldOut }],
    )
    const best = evaluations.reduce((a, b) => (b.heldOut < a.heldOut ? b : a))
    expect(outcome).toEqual({ outcome: 'finished', step: best.step + 10, bestStep: best.step })
    expect(outcome.step).toBeLessThan(400)
    const read = readCheckpoint(stores.checkpoint ?? new Uint8Array())
    if (!read.ok) throw new Error(read.sentence)
    expect(read.checkpoint.best).toMatchObject(best)
    expect(finalWeights(read.checkpoint)).not.toEqual(read.checkpoint.state.weights)
    expect(
      (
        await run(stores, {
          steps: 400,
          evaluateEvery: 5,
          patience: 2,
          learningRate: 0.02,
          schedule: 'constant',
        })
      ).outcome,
    ).toEqual(outcome)
  }, 120_000)

  test('keeps the best weights by default, and resumes from the latest bit for bit', async () => {
    const foreign = (): MemoryStores =>
      makeMemoryStores(
        makeRows(10, 5).map((row) =>
          row.split === 'train' ? row : { ...row, completion: 'Zzyzx quux 12345!' },
        ),
      )
    const settings = { steps: 40, evaluateEvery: 5, learningRate: 0.02, schedule: 'constant' } as const
    const [whole, halves] = [foreign(), foreign()]
    const { events, outcome } = await run(whole, settings)
    const evaluations = of(events, 'step').flatMap(({ point }) =>
      point.heldOut === undefined ? [] : [{ step: point.step, heldOut: point.heldOut }],
    )
    const best = evaluations.reduce((a, b) => (b.heldOut < a.heldOut ? b : a))
    expect(best.step).toBeLessThan(40)
    expect(outcome).toEqual({ outcome: 'finished', step: 40, bestStep: best.step })
    expect(of(events, 'checkpoint').at(-1)).toEqual({ kind: 'checkpoint', step: 40, bestStep: best.step })
    const read = readCheckpoint(whole.checkpoint ?? new Uint8Array())
    if (!read.ok) throw new Error(read.sentence)
    expect(read.checkpoint.state.step).toBe(40)
    expect(finalWeights(read.checkpoint)).toEqual(read.checkpoint.best?.weights)
    expect(finalWeights(read.checkpoint)).not.toEqual(read.checkpoint.state.weights)
    await run(halves, settings, 23)
    await run(halves, settings)
    expect(hashOfBytes(halves.checkpoint!)).toBe(hashOfBytes(whole.checkpoint!))
  }, 120_000)

  test('does nothing if the training has already finished', async () => {
    const stores = makeMemoryStores(makeRows(8, 2))
    await run(stores, { steps: 2 })
    const { outcome, events } = await run(stores, { steps: 2 })
    expect(outcome).toEqual({ outcome: 'finished', step: 2, bestStep: 2 })
    expect(of(events, 'step')).toEqual([])
  })

  test('stores a checkpoint every 20 seconds between evaluations', async () => {
    const stores = makeMemoryStores(makeRows(8, 2))
    const { events } = await run(stores, { steps: 110, evaluateEvery: 1000 })
    const steps = of(events, 'checkpoint').map(({ step }) => step)
    expect(steps.length).toBeGreaterThanOrEqual(2)
    expect(steps.at(-1)).toBe(110)
  })

  test('counts truncated and skipped rows, and supports system prompts and datasets without held-out rows', async () => {
    const rows = makeRows(6, 0, 'Answer briefly.')
    rows.push({ ...rows[0]!, completion: 'very '.repeat(200) }, { ...rows[1]!, prompt: 'long '.repeat(300) })
    const { events, outcome } = await run(makeMemoryStores(rows), { steps: 2, evaluateEvery: 2 })
    expect(outcome.outcome).toBe('finished')
    expect(of(events, 'shape')[0]).toMatchObject({ truncatedRows: 1, skippedRows: 1 })
    expect(of(events, 'step').at(-1)?.point.heldOut).toBeUndefined()
    expect(of(events, 'samples')[0]?.samples).toHaveLength(3)
  })

  test('reports a vocabulary smaller than the setting', async () => {
    const { events } = await run(makeMemoryStores(makeRows(8, 2)), { steps: 1, vocabulary: 4000 })
    const size = of(events, 'shape')[0]?.shape.vocabulary ?? 0
    expect(size).toBeLessThan(4000)
    expect(of(events, 'phase').map(({ sentence }) => sentence)).toContain(
      `The vocabulary has ${size} tokens, not 4000: the texts do not yield more.`,
    )
  })
})

describe('train, with a sentence', () => {
  const refusals: readonly [string, MemoryStores, SettingValues, string, RegExp][] = [
    [
      'refuses a missing dataset',
      makeMemoryStores(undefined),
      {},
      'ModelMissing',
      /dataset of this student is no longer stored\. Freeze/,
    ],
    [
      'refuses a dataset without training rows',
      makeMemoryStores(makeRows(0, 3)),
      {},
      'ModelRefused',
      /no training row: all 3 are held out\. Keep more rows/,
    ],
    [
      'refuses a dataset with one training row',
      makeMemoryStores(makeRows(1, 3)),
      {},
      'ModelRefused',
      /one training row, and training needs at least two/,
    ],
    [
      'refuses rows that do not fit the context',
      makeMemoryStores(makeRows(5, 1)),
      { context: 32, vocabulary: 262 },
      'ModelRefused',
      /Of 5 training rows none fits a context of 32 tokens.*Raise the context/,
    ],
    [
      'refuses a vocabulary without room for all bytes',
      makeMemoryStores(makeRows(5, 1)),
      { vocabulary: 100 },
      'ModelRefused',
      /vocabulary of 100 entries is too small.*alone take 261/,
    ],
    [
      'refuses a corrupt checkpoint',
      Object.assign(makeMemoryStores(makeRows(5, 1)), { checkpoint: new Uint8Array(100) }),
      {},
      'ModelRefused',
      /^The checkpoint cannot be used: it is not a checkpoint file\. Train this student again/,
    ],
    [
      'stops if the loss diverges',
      makeMemoryStores(makeRows(5, 1)),
      { learningRate: 1e30, maxGradientNorm: 0, steps: 40 },
      'Unexpected',
      /^The loss of step \d+ is not a number: training diverged\. Lower the learning rate/,
    ],
  ]
  test.each(refusals)('%s', async (_, stores, settings, name, sentence) => {
    const refused: unknown = await run(stores, settings).catch((thrown: unknown) => thrown)
    expect(refused).toMatchObject({ name, message: expect.stringMatching(sentence) })
  })

  test('refuses a checkpoint of other settings and leaves it unchanged', async () => {
    const stores = makeMemoryStores(makeRows(5, 1))
    await run(stores, { steps: 1 })
    const before = stores.checkpoint
    await expect(run(stores, { steps: 1, learningRate: 0.001 })).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/another dataset or other settings/),
    })
    expect(stores.checkpoint).toBe(before)
  })
})
