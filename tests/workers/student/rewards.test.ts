// GRPO on a trained student: more of its completions are right afterwards, it resumes bit for bit, and reports what is missing.
import { beforeAll, expect, test } from 'vitest'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import { freshId, type StudentId } from '../../../src/domain/id.ts'
import type { Row } from '../../../src/domain/row.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import { finalWeights, readCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import type { TrainEvent, TrainOutcome } from '../../../src/protocol/student.ts'
import type { StudentStores } from '../../../workers/student/stores.ts'
import { train } from '../../../workers/student/train.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeRows, SETTINGS } from './memory-stores.ts'

/** Answers of one digit. A student first learns all of them; then `right` is the one that is rewarded. */
const makeRiddles = (rows: readonly DatasetRow[], right?: number): DatasetRow[] =>
  rows.map((row, i) => ({ ...row, completion: `Answer: ${right ?? (i * 3) % 10}` }))

const base = freshId('student') as StudentId
const [first, second] = [freshId('student') as StudentId, freshId('student') as StudentId]
const { vocabulary: _, labelSmoothing: __, loss: ___, ...common } = SETTINGS
const settings: TrainSettings = {
  ...common,
  loss: 'grpo',
  steps: 30,
  evaluateEvery: 15,
  batchSize: 4,
  learningRate: 0.002,
  weightDecay: 0,
  completionsPerPrompt: 6,
  maxTokens: 12,
  temperature: 1,
  beta: 0.01,
}

class Stores implements StudentStores {
  readonly checkpoints = new Map<StudentId, Uint8Array>()
  rows: DatasetRow[] = makeRiddles(makeRows(16, 4), 7)
  readRows = async () => this.rows
  dropped: Row[] = []
  answers = new Map<string, string>()
  readDropped = async () => this.dropped
  readAnswers = async () => this.answers
  readSoftTargets = async () => undefined
  openModel = async () => expect.fail('no imported model is needed')
  readCheckpoint = async (_project: unknown, student: StudentId) => this.checkpoints.get(student)
  writeCheckpoint = async (_project: unknown, student: StudentId, bytes: Uint8Array) =>
    void this.checkpoints.set(student, bytes)
}

async function run(
  stores: Stores,
  trainSettings: TrainSettings,
  studentId: StudentId,
  from?: StudentId,
  stopAfter = Infinity,
): Promise<{ outcome: TrainOutcome; events: TrainEvent[] }> {
  const controller = new AbortController()
  const events: TrainEvent[] = []
  const emit = (event: TrainEvent): void => {
    events.push(event)
    if (event.kind === 'step' && event.point.step >= stopAfter) controller.abort()
  }
  let clock = 0
  const outcome = await train(
    {
      ...IDS,
      studentId,
      settings: trainSettings,
      backend: 'wasm',
      ...(from === undefined ? {} : { base: from }),
    },
    { signal: controller.signal, emit },
    { stores, openRuntime: openTestRuntime, now: () => (clock += 150) },
  )
  return { outcome, events }
}

let trained: Uint8Array
beforeAll(async () => {
  const stores = new Stores()
  stores.rows = makeRiddles(makeRows(16, 4))
  await run(stores, { ...SETTINGS, steps: 80, evaluateEvery: 80, learningRate: 0.006 }, base)
  trained = stores.checkpoints.get(base) as Uint8Array
}, 120_000)
const makeStores = (): Stores => {
  const stores = new Stores()
  stores.checkpoints.set(base, trained)
  return stores
}

test(
  'gets fewer completions wrong after training and reports its progress',
  { timeout: 120_000 },
  async () => {
    const { outcome, events } = await run(makeStores(), settings, first, base)
    expect(outcome).toMatchObject({ outcome: 'finished', step: 30 })
    const points = events.flatMap((event) => (event.kind === 'step' ? [event.point] : []))
    const mean = (from: number, to: number): number =>
      points.slice(from, to).reduce((sum, { train: one }) => sum + one, 0) / (to - from)
    expect(mean(22, 30)).toBeLessThan(mean(0, 8) - 0.1)
    for (const { train: errorRate, heldOut } of points) {
      expect(errorRate >= 0 && errorRate <= 1).toBe(true)
      if (heldOut !== undefined) expect(heldOut >= 0 && heldOut <= 1).toBe(true)
    }
    expect(points.flatMap(({ step, heldOut }) => (heldOut === undefined ? [] : [step]))).toEqual([0, 15, 30])
    expect(events.flatMap((event) => (event.kind === 'phase' ? [event.sentence] : []))).toContain(
      'Training 30 steps on 16 problems.',
    )
  },
)

test('ends with the same checkpoint after a stop and resume as without', { timeout: 120_000 }, async () => {
  const stores = makeStores()
  const short = { ...settings, steps: 8, evaluateEvery: 4 }
  await run(stores, short, first, base)
  expect((await run(stores, short, second, base, 3)).outcome).toEqual({ outcome: 'stopped', step: 3 })
  expect((await run(stores, short, second, base)).outcome).toMatchObject({ outcome: 'finished', step: 8 })
  expect(hashOfBytes(stores.checkpoints.get(second) as Uint8Array)).toBe(
    hashOfBytes(stores.checkpoints.get(first) as Uint8Array),
  )
})

test(
  'refuses rows without a final answer and notes steps without any right one',
  { timeout: 120_000 },
  async () => {
    const stores = makeStores()
    stores.rows = makeRows(16, 4)
    await expect(run(stores, settings, first, base)).rejects.toThrow(
      'Of 16 training rows none ends with a final answer that can be checked',
    )
    // Only the first problems can be solved: most steps of one problem have nothing to reward.
    stores.rows = makeRiddles(makeRows(16, 4))
    for (const { prompt } of stores.rows.slice(3)) stores.answers.set(prompt, '123456')
    for (const { prompt, completion } of stores.rows.slice(0, 3)) stores.answers.set(prompt, completion)
    const { events } = await run(
      stores,
      { ...settings, steps: 16, batchSize: 1, completionsPerPrompt: 4, temperature: 0.3, learningRate: 0 },
      first,
      base,
    )
    const notes = events.flatMap((event) =>
      event.kind === 'step' && event.note !== undefined ? [event.note] : [],
    )
    expect(notes.join()).toMatch(/No completion had the correct final answer in the last \d+ steps/)
  },
)

test(
  'rewards the answer given with the seed, not the row’s own, and says so',
  { timeout: 120_000 },
  async () => {
    const stores = makeStores()
    // The rows say 7; the seeds know that 3 is right for all but one of them.
    const prompts = [...new Set(stores.rows.map(({ prompt }) => prompt))]
    for (const prompt of prompts.slice(1)) stores.answers.set(prompt, '#### 3')
    const { events } = await run(stores, { ...settings, steps: 2, evaluateEvery: 2 }, first, base)
    const notes = events.flatMap((event) => (event.kind === 'shape' ? (event.notes ?? []) : []))
    expect(notes).toEqual([
      expect.stringMatching(
        /^\d+ of 16 problems are checked against the answers given with their seeds/,
      ) as string,
    ])
    const mistakes = events.flatMap((event) => (event.kind === 'samples' ? (event.mistakes ?? []) : []))
    expect(mistakes.length).toBeGreaterThan(0)
    expect(mistakes.map(({ expected }) => expected)).toContain('#### 3')
  },
)

test(
  'samples before the first step, says what share is right, and keeps the weights from before if nothing is better',
  { timeout: 120_000 },
  async () => {
    const stores = makeStores()
    const same = { ...settings, steps: 4, evaluateEvery: 2, learningRate: 0 }
    const { outcome, events } = await run(stores, same, first, base)
    expect(events.flatMap((event) => (event.kind === 'note' ? [event.note] : []))).toEqual([
      expect.stringMatching(
        /^Before training, [1-9]\d* of 36 sampled completions have the right answer \(\d+ %\)\.$/,
      ) as string,
    ])
    const points = events.flatMap((event) => (event.kind === 'step' ? [event.point] : []))
    expect(points[0]).toMatchObject({ step: 0, evaluated: 4 })
    expect(points[0]?.train).toBeLessThan(1)
    expect(outcome).toEqual({ outcome: 'finished', step: 4, bestStep: 0 })
    const read = readCheckpoint(stores.checkpoints.get(first) ?? new Uint8Array())
    const before = readCheckpoint(trained)
    if (!read.ok || !before.ok) throw new Error('a checkpoint could not be read')
    expect(finalWeights(read.checkpoint)).toEqual(finalWeights(before.checkpoint))
  },
)

test(
  'ends before the first step, with nothing stored, if no sampled completion is right',
  { timeout: 120_000 },
  async () => {
    const stores = makeStores()
    for (const { prompt } of stores.rows) stores.answers.set(prompt, '123456')
    const refused = run(stores, { ...settings, steps: 4, evaluateEvery: 2 }, first, base)
    await expect(refused).rejects.toMatchObject({
      name: 'NothingToReward',
      message: expect.stringMatching(
        /^Before training, 0 of 36 sampled completions have the right answer: nothing to reward.* Train the student longer on the texts first, use easier problems, or start from a larger student\.$/,
      ),
    })
    const cut = run(stores, { ...settings, maxTokens: 1, steps: 4, evaluateEvery: 2 }, first, base)
    await expect(cut).rejects.toThrow(
      'Most were cut at 1 tokens: raise Max tokens, or train the student longer',
    )
    expect([...stores.checkpoints.keys()]).toEqual([base])
  },
)
