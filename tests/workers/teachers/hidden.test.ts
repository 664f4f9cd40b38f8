// From a teacher's hidden states to a student that was pulled towards them: the teacher is a student of this program, taken home as a GGUF
// file and loaded again, so that there is a student of its very width.
import 'fake-indexeddb/auto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { datasetId, type Dataset, type DatasetRow } from '../../../src/domain/dataset.ts'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import { freshId, type DatasetId, type StudentId } from '../../../src/domain/id.ts'
import type { DivergenceTrainSettings, TrainSettings } from '../../../src/domain/student.ts'
import { writeStudentGguf } from '../../../src/engine/exports/student-files.ts'
import { finalWeights, readCheckpoint, type Checkpoint } from '../../../src/engine/training/checkpoint.ts'
import { toHuggingFaceTensors } from '../../../src/engine/training/student-tensors.ts'
import { readTraceFile, type TraceFile } from '../../../src/engine/training/trace-file.ts'
import { readDirection } from '../../../src/engine/weights/directions.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { putDataset } from '../../../src/storage/datasets.ts'
import { traceFiles } from '../../../src/storage/files.ts'
import { listTraces } from '../../../workers/student/list-traces.ts'
import { train } from '../../../workers/student/train.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { traceDataset } from '../../../workers/teachers/trace.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { MODEL, SMALL_TRAINING } from '../../stand-ins/sample-project.ts'
import { IDS, makeMemoryStores, makeRows } from '../student/memory-stores.ts'

const { projectId } = IDS
const WIDTH = 48 // of nano
const rows: DatasetRow[] = makeRows(16, 2)
const id: DatasetId = datasetId(rows)
let db: Database
let uninstall: () => void
let teacher: EngineTeacher
/** File names of the probabilities with hidden states and without. */
let [hidden, plain] = ['', '']

const storesOf = () =>
  Object.assign(makeMemoryStores(rows), {
    readTrace: (_project: unknown, name: string) => traceFiles.read(projectId, name),
  })

async function teach(
  settings: TrainSettings,
  {
    trace,
    stopAfter,
    stores = storesOf(),
  }: { trace?: string; stopAfter?: number; stores?: ReturnType<typeof storesOf> } = {},
): Promise<Checkpoint> {
  const controller = new AbortController()
  let clock = 0
  await train(
    {
      ...IDS,
      studentId: freshId('student') as StudentId,
      datasetId: id,
      settings,
      ...(trace === undefined ? {} : { trace }),
      backend: 'wasm',
    },
    {
      signal: controller.signal,
      emit: (event) => event.kind === 'step' && event.point.step === stopAfter && controller.abort(),
    },
    { stores, openRuntime: openTestRuntime, now: () => (clock += 150) },
  )
  const found = readCheckpoint(stores.checkpoint ?? new Uint8Array())
  if (!found.ok) throw new Error(found.sentence)
  return found.checkpoint
}

/** A student as a model of its own. */
async function open(checkpoint: Checkpoint, name: string): Promise<EngineTeacher> {
  const { shape, tokenizer } = checkpoint
  const { bytes } = writeStudentGguf({
    shape,
    tensors: toHuggingFaceTensors(shape, finalWeights(checkpoint)),
    tokenizerJson: JSON.parse(tokenizer.json) as unknown,
    name,
  })
  return openGguf(sourceFromBytes('nan.gguf', bytes), {
    backend: 'wasm',
    contextLength: 64,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  })
}
async function traceWith(model: EngineTeacher, withHidden: boolean): Promise<string> {
  return (
    await traceDataset(
      model,
      { projectId, datasetId: id, choices: 8, temperature: 1, hidden: withHidden },
      { signal: new AbortController().signal, emit: () => undefined },
      db,
    )
  ).trace
}
async function read(name: string): Promise<TraceFile> {
  const found = readTraceFile((await traceFiles.read(projectId, name)) ?? new Uint8Array())
  if (!found.ok) throw new Error(found.sentence)
  return found.file
}

beforeAll(async () => {
  db = await openDatabase('hidden states')
  uninstall = installPrivateFiles(new PrivateFiles())
  const dataset: Dataset = {
    projectId,
    id,
    runId: '0'.repeat(16) as Dataset['runId'],
    recipeHash: '0'.repeat(16) as Dataset['recipeHash'],
    recipeText: '',
    frozenAt: 1,
    rows: { train: 16, heldOut: 2 },
    teacher: MODEL,
    seeds: 1,
    funnel: [],
  }
  await putDataset(db, dataset, rows)
  teacher = await open(
    await teach({ ...SMALL_TRAINING, vocabulary: 320, steps: 60, evaluateEvery: 60, learningRate: 0.01 }),
    'Nan',
  )
  hidden = await traceWith(teacher, true)
  plain = await traceWith(teacher, false)
}, 120_000)
afterAll(async () => {
  await teacher.release()
  db.close()
  uninstall()
})

const { vocabulary: _, labelSmoothing: __, ...common } = SMALL_TRAINING
/** From another beginning than the teacher’s, whose directions it would otherwise share. */
const SETTINGS: DivergenceTrainSettings = {
  ...common,
  loss: 'forward-kl',
  temperature: 1,
  choices: 8,
  textShare: 0,
  steps: 60,
  evaluateEvery: 60,
  learningRate: 0.01,
  rngSeed: 8,
}
const markOf = ({ state: { weights } }: Checkpoint): string =>
  hashOfBytes(new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength))

test('stored states lie beside the very probabilities that are stored without them, two bytes a number', async () => {
  const [withStates, without] = [await read(hidden), await read(plain)]
  expect(hidden).toBe(plain.replace(/\.trace$/, '-hidden.trace'))
  expect(withStates.header).toMatchObject({ hidden: { width: WIDTH }, teacher: { name: 'Nan' } })
  expect(without.header.hidden).toBeUndefined()
  withStates.rows.forEach((row, i) => {
    const { hidden: states, ...said } = row
    expect(said).toEqual(without.rows[i])
    expect(states?.directions).toHaveLength((row.ids.length / 8) * WIDTH)
  })
  const tokens = withStates.rows.reduce((sum, { ids }) => sum + ids.length / 8, 0)
  expect(
    withStates.wholeBytes - without.wholeBytes - JSON.stringify({ hidden: { width: WIDTH } }).length,
  ).toBeGreaterThanOrEqual(2 * WIDTH * tokens - 8)
  expect(
    (await listTraces({ projectId, datasetId: id }))
      .map(({ hiddenWidth }) => hiddenWidth ?? 0)
      .toSorted((a, b) => a - b),
  ).toEqual([0, WIDTH])
})

describe('a student that learns hidden states too', () => {
  /** Mean cosine of a student's and the teacher's states along the rows, from files of both. */
  async function compare(checkpoint: Checkpoint, name: string): Promise<number> {
    const model = await open(checkpoint, name)
    const own = await read(await traceWith(model, true))
    await model.release()
    const theirs = await read(hidden)
    const [a, b] = [new Float32Array(WIDTH), new Float32Array(WIDTH)]
    const cosines = theirs.rows.flatMap(({ ids, hidden: states }, r) =>
      Array.from({ length: ids.length / 8 }, (_state, i) => {
        readDirection(own.rows[r]!.hidden!.directions, i * WIDTH, WIDTH, a, 0)
        readDirection(states!.directions, i * WIDTH, WIDTH, b, 0)
        return (
          a.reduce((sum, x, j) => sum + x * (b[j] ?? Number.NaN), 0) / Math.hypot(...a) / Math.hypot(...b)
        )
      }),
    )
    return cosines.reduce((sum, one) => sum + one, 0) / cosines.length
  }

  test('comes to have states like the teacher’s, which the probabilities alone do not make', async () => {
    const pulled = await compare(await teach({ ...SETTINGS, hiddenShare: 3 }, { trace: hidden }), 'Pulled')
    const free = await compare(await teach(SETTINGS, { trace: hidden }), 'Free')
    expect(pulled).toBeGreaterThan(0.5)
    expect(Math.abs(free)).toBeLessThan(pulled - 0.3)
  }, 120_000)

  test('stopped and taken up again is the one that was not, bit for bit', async () => {
    const settings = { ...SETTINGS, hiddenShare: 2, steps: 6, evaluateEvery: 3 }
    const whole = markOf(await teach(settings, { trace: hidden }))
    const stores = storesOf()
    expect((await teach(settings, { trace: hidden, stopAfter: 2, stores })).state.step).toBe(2)
    expect(markOf(await teach(settings, { trace: hidden, stores }))).toBe(whole)
  })

  test('with weight 0 is the student of the probabilities alone, whichever file it reads', async () => {
    const settings = { ...SETTINGS, steps: 4, evaluateEvery: 4 }
    const alone = markOf(await teach(settings, { trace: plain }))
    expect(markOf(await teach({ ...settings, hiddenShare: 0 }, { trace: hidden }))).toBe(alone)
    expect(markOf(await teach({ ...settings, hiddenShare: 1 }, { trace: hidden }))).not.toBe(alone)
  })

  test('is refused with a sentence where the states are of another width or were not stored', async () => {
    await expect(
      teach({ ...SETTINGS, hiddenShare: 1, preset: 'micro' }, { trace: hidden }),
    ).rejects.toMatchObject({
      name: 'ModelRefused',
      message:
        'The hidden states of Nan are 48 wide and those of a student of size “micro” 96; only states of one width can be compared. Choose the size “nano”, which is 48 wide, or set the weight of the hidden states to 0.',
    })
    await expect(teach({ ...SETTINGS, hiddenShare: 1 }, { trace: plain })).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^The hidden states of Nan were not stored with its probabilities\. Load it and train/,
      ),
    })
  })
})
