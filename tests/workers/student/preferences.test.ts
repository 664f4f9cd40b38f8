// Preference losses on a trained student: it learns to prefer the chosen completions, resumes bit for bit, and reports what is missing.
import { beforeAll, describe, expect, test } from 'vitest'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import { contentId, freshId, type StudentId } from '../../../src/domain/id.ts'
import type { Row } from '../../../src/domain/row.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import { finalWeights, readCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import { PREFERENCES } from '../../../src/engine/training/preferences/index.ts'
import type { TrainEvent, TrainOutcome } from '../../../src/protocol/student.ts'
import { readInitialWeights, readStoredStudent } from '../../../workers/student/stored-student.ts'
import type { StudentStores } from '../../../workers/student/stores.ts'
import { train } from '../../../workers/student/train.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { makeRow } from '../../state/make-row.ts'
import { IDS, makeRows, SETTINGS } from './memory-stores.ts'

const COLOURS = ['red', 'green', 'blue', 'yellow']
/** The rejected completion names another colour. */
const paired = (rows: readonly DatasetRow[]): DatasetRow[] =>
  rows.map((row) => ({
    ...row,
    rejected: {
      completion: row.completion.replace(
        /red|green|blue|yellow/,
        (colour) => COLOURS[(COLOURS.indexOf(colour) + 1) % 4] ?? '',
      ),
    },
  }))

const base = freshId('student') as StudentId
const [first, second] = [freshId('student') as StudentId, freshId('student') as StudentId]
const { vocabulary: _, labelSmoothing: __, loss: ___, ...common } = SETTINGS
const settingsOf = (loss: string): TrainSettings => {
  const shared = {
    ...common,
    steps: 20,
    evaluateEvery: 10,
    learningRate: 0.002,
    beta: loss === 'simpo' ? 2 : 0.3,
  }
  return loss === 'simpo' ? { ...shared, loss, margin: 0.3 } : { ...shared, loss }
}

class Stores implements StudentStores {
  readonly checkpoints = new Map<StudentId, Uint8Array>()
  rows: DatasetRow[] = paired(makeRows(24, 8))
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
  settings: TrainSettings,
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
    { ...IDS, studentId, settings, backend: 'wasm', ...(from === undefined ? {} : { base: from }) },
    { signal: controller.signal, emit },
    { stores, openRuntime: openTestRuntime, now: () => (clock += 150) },
  )
  return { outcome, events }
}

let trained: Uint8Array
beforeAll(async () => {
  const stores = new Stores()
  await run(stores, { ...SETTINGS, steps: 40, evaluateEvery: 40 }, base)
  trained = stores.checkpoints.get(base) as Uint8Array
}, 120_000)
const makeStores = (): Stores => {
  const stores = new Stores()
  stores.checkpoints.set(base, trained)
  return stores
}

describe.each(Object.keys(PREFERENCES))('%s', (loss) => {
  test(
    'starts from the trained student, lowers the loss on its pairs and reports its progress',
    { timeout: 120_000 },
    async () => {
      const stores = makeStores()
      const { outcome, events } = await run(stores, settingsOf(loss), first, base)
      expect(outcome).toMatchObject({ outcome: 'finished', step: 20 })
      const points = events.flatMap((event) => (event.kind === 'step' ? [event.point] : []))
      const mean = (from: number, to: number): number =>
        points.slice(from, to).reduce((sum, { train: one }) => sum + one, 0) / (to - from)
      expect(mean(15, 20)).toBeLessThan(mean(0, 5))
      expect(points.flatMap(({ step, heldOut }) => (heldOut === undefined ? [] : [step]))).toEqual([
        0, 10, 20,
      ])
      expect(events.flatMap((event) => (event.kind === 'phase' ? [event.sentence] : []))).toContain(
        'Training 20 steps on 24 pairs.',
      )
      expect(
        events.some((event) => event.kind === 'samples' && event.samples.every(({ text }) => text !== '')),
      ).toBe(true)
    },
  )

  test('ends with the same checkpoint after a stop and resume as without', { timeout: 120_000 }, async () => {
    const stores = makeStores()
    await run(stores, settingsOf(loss), first, base)
    expect((await run(stores, settingsOf(loss), second, base, 7)).outcome).toEqual({
      outcome: 'stopped',
      step: 7,
    })
    expect((await run(stores, settingsOf(loss), second, base)).outcome).toMatchObject({
      outcome: 'finished',
      step: 20,
    })
    expect(hashOfBytes(stores.checkpoints.get(second) as Uint8Array)).toBe(
      hashOfBytes(stores.checkpoints.get(first) as Uint8Array),
    )
  })
})

test('reads the initial weights from the base student', async () => {
  const stores = makeStores()
  await run(stores, { ...settingsOf('dpo'), steps: 2 }, first, base)
  const stored = await readStoredStudent(stores, IDS.projectId, first)
  const read = readCheckpoint(trained)
  if (!stored || !read.ok) throw new Error('there is no checkpoint')
  expect(await readInitialWeights({ stores, projectId: IDS.projectId }, stored)).toEqual(
    finalWeights(read.checkpoint),
  )
  expect(stored.checkpoint.state.weights).not.toEqual(finalWeights(read.checkpoint))
  stores.checkpoints.delete(base)
  await expect(readInitialWeights({ stores, projectId: IDS.projectId }, stored)).rejects.toThrow(
    'The student that this training starts from is no longer stored.',
  )
})

test('refuses without a base student, without pairs, or with a base student of another size', async () => {
  const stores = makeStores()
  await expect(run(stores, settingsOf('dpo'), first)).rejects.toThrow(
    'Train one on texts, and start from that.',
  )
  stores.rows = makeRows(24, 8)
  await expect(run(stores, settingsOf('dpo'), first, base)).rejects.toThrow(
    'this objective needs at least two',
  )
  expect(stores.checkpoints.has(first)).toBe(false)
  stores.rows = paired(makeRows(24, 8))
  await expect(run(stores, { ...settingsOf('dpo'), preset: 'small' }, first, base)).rejects.toThrow(
    'The student to start from does not have the size of these settings.',
  )
})

test('leaves out pairs whose completions differ only beyond the context', async () => {
  const stores = makeStores()
  const long = 'red green blue '.repeat(200)
  stores.rows = makeRows(24, 8).map((row) => ({
    ...row,
    completion: `${long}yes`,
    rejected: { completion: `${long}no` },
  }))
  await expect(run(stores, settingsOf('dpo'), first, base)).rejects.toThrow('no training pair')
})

test(
  'KTO learns from kept rows and from dropped ones with a lower score, without pairs',
  { timeout: 120_000 },
  async () => {
    const stores = makeStores()
    stores.rows = makeRows(24, 8).map((row, i) => ({
      ...row,
      score: 4,
      seedId: contentId('seed', `own ${i}`),
    }))
    const heldOut = new Set(stores.rows.slice(24).map(({ prompt }) => prompt))
    const wrong = paired(stores.rows.slice(0, 24)).filter(({ prompt }) => !heldOut.has(prompt))
    stores.dropped = wrong.slice(0, 12).map(({ seedId, prompt, rejected }, order): Row => {
      const row = makeRow({ projectId: IDS.projectId, runId: freshId('run'), order, status: 'dropped' })
      return {
        ...row,
        seedId,
        prompt,
        completion: { ...row.completion, text: rejected?.completion ?? '' },
        verdicts: [
          {
            verdict: {
              kind: 'score',
              rubric: 'helpfulness',
              judge: row.completion.teacher,
              score: 1.5,
              distribution: [0.2, 0.2, 0.2, 0.2, 0.2],
              mass: 1,
            },
          },
        ],
      }
    })
    const { outcome, events } = await run(stores, settingsOf('kto'), first, base)
    expect(outcome).toMatchObject({ outcome: 'finished', step: 20 })
    expect(events.flatMap((event) => (event.kind === 'shape' ? (event.notes ?? []) : []))).toEqual([
      expect.stringMatching(/^32 rows on the good side \(kept\) and 12 rows on the bad side/) as string,
    ])
    const losses = events.flatMap((event) =>
      event.kind === 'step' && event.point.step > 0 ? [event.point.train] : [],
    )
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0)
    stores.dropped = []
    await expect(run(stores, settingsOf('kto'), second, base)).rejects.toThrow(
      'This objective needs at least two good and two bad training rows',
    )
  },
)
