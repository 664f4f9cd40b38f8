// From a teacher's hidden states to a student that is trained towards them: the teacher is a student of this program, exported as a GGUF
// file and loaded again, so that a student of the same width exists.
import 'fake-indexeddb/auto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { datasetId, type Dataset, type DatasetRow } from '../../../src/domain/dataset.ts'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import { freshId, type DatasetId, type StudentId } from '../../../src/domain/id.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import { writeStudentGguf } from '../../../src/engine/exports/student-files.ts'
import { finalWeights, readCheckpoint, type Checkpoint } from '../../../src/engine/training/checkpoint.ts'
import { toHuggingFaceTensors } from '../../../src/engine/training/student-tensors.ts'
import { readSoftTargetFile, type SoftTargetFile } from '../../../src/engine/training/soft-target-file.ts'
import { readDirection } from '../../../src/engine/weights/directions.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { putDataset } from '../../../src/storage/datasets.ts'
import { softTargetFiles } from '../../../src/storage/files.ts'
import { listSoftTargets } from '../../../workers/student/list-soft-targets.ts'
import { train } from '../../../workers/student/train.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { computeDatasetSoftTargets } from '../../../workers/teachers/soft-targets.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { MODEL, SMALL_TRAINING, storeProject } from '../../stand-ins/sample-project.ts'
import { IDS, makeMemoryStores, makeRows } from '../student/memory-stores.ts'

const { projectId } = IDS
const WIDTH = 48 // of nano
const rows: DatasetRow[] = makeRows(16, 2)
const id: DatasetId = datasetId(rows)
let db: Database
let uninstall: () => void
let teacher: EngineTeacher
/** File names of the soft targets with hidden states and without. */
let [hidden, plain] = ['', '']

const storesOf = () =>
  Object.assign(makeMemoryStores(rows), {
    readSoftTargets: (_project: unknown, name: string) => softTargetFiles.read(projectId, name),
  })

async function trainStudent(
  settings: TrainSettings,
  {
    softTargets,
    stopAfter,
    stores = storesOf(),
  }: { softTargets?: string; stopAfter?: number; stores?: ReturnType<typeof storesOf> } = {},
): Promise<Checkpoint> {
  const controller = new AbortController()
  let clock = 0
  await train(
    {
      ...IDS,
      studentId: freshId('student') as StudentId,
      datasetId: id,
      settings,
      ...(softTargets === undefined ? {} : { softTargets }),
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

/** A student opened as a teacher. */
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
async function storeSoftTargets(model: EngineTeacher, withHidden: boolean): Promise<string> {
  return (
    await computeDatasetSoftTargets(
      model,
      { projectId, datasetId: id, topK: 8, temperature: 1, hidden: withHidden },
      { signal: new AbortController().signal, emit: () => undefined },
      db,
    )
  ).softTargets
}
async function read(name: string): Promise<SoftTargetFile> {
  const found = readSoftTargetFile((await softTargetFiles.read(projectId, name)) ?? new Uint8Array())
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
  await storeProject(db, projectId)
  await putDataset(db, dataset, rows)
  teacher = await open(
    await trainStudent({
      ...SMALL_TRAINING,
      vocabulary: 320,
      steps: 60,
      evaluateEvery: 60,
      learningRate: 0.01,
    }),
    'Nan',
  )
  hidden = await storeSoftTargets(teacher, true)
  plain = await storeSoftTargets(teacher, false)
}, 120_000)
afterAll(async () => {
  await teacher.release()
  db.close()
  uninstall()
})

const { vocabulary: _, labelSmoothing: __, ...common } = SMALL_TRAINING
/** With another seed than the teacher’s, because it would otherwise share the teacher’s directions. */
const SETTINGS: TrainSettings = {
  ...common,
  loss: 'forward-kl',
  temperature: 1,
  topK: 8,
  textShare: 0,
  steps: 60,
  evaluateEvery: 60,
  learningRate: 0.01,
  rngSeed: 8,
}
const hashOf = ({ state: { weights } }: Checkpoint): string =>
  hashOfBytes(new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength))

test('stores hidden states next to the same probabilities, with two bytes per number', async () => {
  const [withStates, without] = [await read(hidden), await read(plain)]
  expect(hidden).toBe(plain.replace(/\.trace$/, '-hidden.trace'))
  expect(withStates.header).toMatchObject({ hidden: { width: WIDTH }, teacher: { name: 'Nan' } })
  expect(without.header.hidden).toBeUndefined()
  withStates.rows.forEach((row, i) => {
    const { hidden: states, ...probabilities } = row
    expect(probabilities).toEqual(without.rows[i])
    expect(states?.directions).toHaveLength((row.ids.length / 8) * WIDTH)
  })
  const tokens = withStates.rows.reduce((sum, { ids }) => sum + ids.length / 8, 0)
  expect(
    withStates.wholeBytes - without.wholeBytes - JSON.stringify({ hidden: { width: WIDTH } }).length,
  ).toBeGreaterThanOrEqual(2 * WIDTH * tokens - 8)
  expect(
    (await listSoftTargets({ projectId, datasetId: id }))
      .map(({ hiddenWidth }) => hiddenWidth ?? 0)
      .toSorted((a, b) => a - b),
  ).toEqual([0, WIDTH])
})

describe('training with hidden states', () => {
  /** Mean cosine of a student's and the teacher's states along the rows, from files of both. */
  async function compare(checkpoint: Checkpoint, name: string): Promise<number> {
    const model = await open(checkpoint, name)
    const own = await read(await storeSoftTargets(model, true))
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

  test('brings hidden states close to the teacher’s, unlike probabilities alone', async () => {
    const pulled = await compare(
      await trainStudent({ ...SETTINGS, hiddenShare: 3 }, { softTargets: hidden }),
      'Pulled',
    )
    const free = await compare(await trainStudent(SETTINGS, { softTargets: hidden }), 'Free')
    expect(pulled).toBeGreaterThan(0.5)
    expect(Math.abs(free)).toBeLessThan(pulled - 0.3)
  }, 120_000)

  test('resumes a stopped training to the same student bit for bit', async () => {
    const settings = { ...SETTINGS, hiddenShare: 2, steps: 6, evaluateEvery: 3 }
    const whole = hashOf(await trainStudent(settings, { softTargets: hidden }))
    const stores = storesOf()
    expect((await trainStudent(settings, { softTargets: hidden, stopAfter: 2, stores })).state.step).toBe(2)
    expect(hashOf(await trainStudent(settings, { softTargets: hidden, stores }))).toBe(whole)
  })

  test('trains the same student with weight 0 as without hidden states', async () => {
    const settings = { ...SETTINGS, steps: 4, evaluateEvery: 4 }
    const alone = hashOf(await trainStudent(settings, { softTargets: plain }))
    expect(hashOf(await trainStudent({ ...settings, hiddenShare: 0 }, { softTargets: hidden }))).toBe(alone)
    expect(hashOf(await trainStudent({ ...settings, hiddenShare: 1 }, { softTargets: hidden }))).not.toBe(
      alone,
    )
  })

  test('refuses hidden states of another width or that are not stored', async () => {
    await expect(
      trainStudent({ ...SETTINGS, hiddenShare: 1, preset: 'micro' }, { softTargets: hidden }),
    ).rejects.toMatchObject({
      name: 'ModelRefused',
      message:
        'The hidden states of Nan have width 48, but those of a student of size “micro” have width 96; only equal widths can be compared. Choose the model size “nano”, which has width 48, or set “Hidden state loss weight” to 0.',
    })
    await expect(trainStudent({ ...SETTINGS, hiddenShare: 1 }, { softTargets: plain })).rejects.toMatchObject(
      {
        name: 'ModelRefused',
        message: expect.stringMatching(
          /^The hidden states of Nan were not stored with its soft targets\. Load it and train/,
        ),
      },
    )
  })
})
