// From a dataset to a student of a teacher's soft targets: computed, interrupted and resumed, trained.
import 'fake-indexeddb/auto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { datasetId, type Dataset, type DatasetRow } from '../../../src/domain/dataset.ts'
import type { DatasetId } from '../../../src/domain/id.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import { DIVERGENCES } from '../../../src/engine/training/divergences/index.ts'
import { finalWeights, readCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import { readSoftTargetFile } from '../../../src/engine/training/soft-target-file.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import type { Call } from '../../../src/protocol/contract.ts'
import type { TrainEvent } from '../../../src/protocol/student.ts'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { putDataset } from '../../../src/storage/datasets.ts'
import { softTargetFiles } from '../../../src/storage/files.ts'
import { listSoftTargets } from '../../../workers/student/list-soft-targets.ts'
import { train } from '../../../workers/student/train.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { computeDatasetSoftTargets, type SoftTargetTeacher } from '../../../workers/teachers/soft-targets.ts'
import { makeNumbers } from '../../../src/engine/checks/numbers.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { hasSharedModel, openSharedModel, whySkipped } from '../../engine/shared-model.ts'
import { writeSmallGguf } from '../../engine/weights/gguf/small-gguf.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { MODEL, SMALL_TRAINING, storeProject } from '../../stand-ins/sample-project.ts'
import { IDS, makeMemoryStores, makeRows } from '../student/memory-stores.ts'

const { projectId } = IDS
let databases = 0
let db: Database
let files: PrivateFiles
let uninstall: () => void
beforeEach(async () => {
  db = await openDatabase(`soft targets ${databases++}`)
  files = new PrivateFiles()
  uninstall = installPrivateFiles(files)
})
afterEach(() => {
  db.close()
  uninstall()
})

type Progress = { done: number; total: number }
function makeCall(
  onProgress: (event: Progress, abort: () => void) => void = () => undefined,
): Call<Progress> & { reported: Progress[] } {
  const controller = new AbortController()
  const reported: Progress[] = []
  return {
    signal: controller.signal,
    reported,
    emit: (event) => (reported.push(event), onProgress(event, () => controller.abort())),
  }
}
const openTeacher = (source: Parameters<typeof openGguf>[0]): Promise<EngineTeacher> =>
  openGguf(source, {
    backend: 'wasm',
    contextLength: 256,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  })

async function store(rows: readonly DatasetRow[]): Promise<DatasetId> {
  const id = datasetId(rows)
  const dataset: Dataset = {
    projectId,
    id,
    runId: '0'.repeat(16) as Dataset['runId'],
    recipeHash: '0'.repeat(16) as Dataset['recipeHash'],
    recipeText: '',
    frozenAt: 1,
    rows: { train: rows.length, heldOut: 0 },
    teacher: MODEL,
    seeds: 1,
    funnel: [],
  }
  await storeProject(db, projectId)
  await putDataset(db, dataset, rows)
  return id
}

describe('a small teacher', () => {
  let teacher: EngineTeacher
  beforeAll(async () => {
    const bytes = writeSmallGguf({}, (tensors) =>
      tensors.map((tensor, i) =>
        tensor.shape.length === 2
          ? { ...tensor, bytes: new Uint8Array(makeNumbers(tensor.bytes.length / 4, i + 1, 0.5).buffer) }
          : {
              ...tensor,
              bytes: new Uint8Array(Float32Array.from({ length: tensor.bytes.length / 4 }, () => 1).buffer),
            },
      ),
    )
    teacher = await openTeacher(sourceFromBytes('small.gguf', bytes))
  })
  afterAll(() => teacher.release())
  const request = (id: DatasetId) => ({ projectId, datasetId: id, topK: 8, temperature: 1 })

  test('computes the training rows once and reuses the stored file', async () => {
    const rows = makeRows(70, 6)
    const id = await store(rows)
    const first = makeCall()
    const summary = await computeDatasetSoftTargets(teacher, request(id), first, db)
    expect(summary).toMatchObject({ rows: 70, refused: 0 })
    expect(first.reported).toEqual([0, 32, 64, 70].map((done) => ({ done, total: 70 })))
    const read = readSoftTargetFile(
      (await softTargetFiles.read(projectId, summary.softTargets)) ?? new Uint8Array(),
    )
    if (!read.ok) throw new Error(read.sentence)
    expect(read.file.rows.map(({ ids }) => ids.length / 8)).toEqual(
      rows.slice(0, 70).map(({ completion }) => completion.length + 1),
    ) // one token per byte, and the end
    const again = makeCall()
    expect(await computeDatasetSoftTargets(teacher, request(id), again, db)).toEqual(summary)
    expect(again.reported).toEqual([])
  })

  test('stores them apart for each chat format, with its name in the header', async () => {
    const id = await store(makeRows(4, 1))
    const own = await computeDatasetSoftTargets(teacher, request(id), makeCall(), db)
    const zephyr: SoftTargetTeacher = {
      description: { ...teacher.description, chatFormat: 'zephyr' },
      tokenizer: teacher.tokenizer,
      computeSoftTargets: (...given) => teacher.computeSoftTargets(...given),
    }
    const other = await computeDatasetSoftTargets(zephyr, request(id), makeCall(), db)
    expect(other.softTargets).not.toBe(own.softTargets)
    expect(await listSoftTargets({ projectId, datasetId: id })).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ file: other.softTargets, chatFormat: 'zephyr' }),
        expect.not.objectContaining({ chatFormat: expect.anything() }),
      ]),
    )
  })

  test('resumes after an interruption to the same file', async () => {
    const id = await store(makeRows(70, 6))
    const { softTargets } = await computeDatasetSoftTargets(teacher, request(id), makeCall(), db)
    const whole = await softTargetFiles.read(projectId, softTargets)
    files = new PrivateFiles()
    uninstall()
    uninstall = installPrivateFiles(files)
    await expect(
      computeDatasetSoftTargets(
        teacher,
        request(id),
        makeCall(({ done }, abort) => done === 32 && abort()),
        db,
      ),
    ).rejects.toMatchObject({ name: 'AbortError' })
    const rest = makeCall()
    expect((await computeDatasetSoftTargets(teacher, request(id), rest, db)).softTargets).toBe(softTargets)
    expect(rest.reported[0]).toEqual({ done: 32, total: 70 })
    expect(await softTargetFiles.read(projectId, softTargets)).toEqual(whole)
  })

  test('skips rows that do not fit its context and counts them', async () => {
    const rows = makeRows(5, 1)
    const id = await store([...rows, { ...rows[0]!, prompt: 'very long '.repeat(60) }])
    expect(await computeDatasetSoftTargets(teacher, request(id), makeCall(), db)).toMatchObject({
      rows: 6,
      refused: 1,
    })
  })

  test('stops with a sentence on a full disk', async () => {
    const id = await store(makeRows(40, 2))
    uninstall()
    uninstall = installPrivateFiles(new PrivateFiles({ quota: 30_000 }))
    await expect(computeDatasetSoftTargets(teacher, request(id), makeCall(), db)).rejects.toMatchObject({
      name: 'StorageFull',
      message: expect.stringMatching(/^The teacher’s token probabilities could not be stored/),
    })
  })

  test.each(Object.keys(DIVERGENCES))(
    'trains a student on its soft targets by %s',
    async (loss) => {
      const rows = makeRows(24, 4)
      const id = await store(rows)
      const { softTargets } = await computeDatasetSoftTargets(teacher, request(id), makeCall(), db)
      const stores = Object.assign(makeMemoryStores(rows), {
        softTargets: await softTargetFiles.read(projectId, softTargets),
      })
      const { vocabulary: _, labelSmoothing: __, ...common } = SMALL_TRAINING
      const settings: TrainSettings = {
        ...common,
        loss,
        temperature: 1,
        topK: 8,
        textShare: 0,
        context: 96,
        steps: 40,
        evaluateEvery: 20,
        learningRate: 0.01,
      }
      const points: { train: number; heldOut?: number }[] = []
      const emit = (event: TrainEvent): void => void (event.kind === 'step' && points.push(event.point))
      const outcome = await train(
        { ...IDS, datasetId: id, settings, softTargets, backend: 'wasm' },
        { signal: new AbortController().signal, emit },
        { stores, openRuntime: openTestRuntime, now: () => performance.now() },
      )
      expect(outcome).toMatchObject({ outcome: 'finished', step: 40 })
      expect(points.at(-1)?.train).toBeLessThan(0.5 * (points[0]?.train ?? 0))
      const read = readCheckpoint(stores.checkpoint ?? new Uint8Array())
      if (!read.ok) throw new Error(read.sentence)
      expect(read.checkpoint.shape.vocabulary).toBe(5 + 256)
      expect(finalWeights(read.checkpoint).every(Number.isFinite)).toBe(true)
    },
    60_000,
  )

  test('refuses a file that is missing, damaged or of another dataset with a sentence', async () => {
    const rows = makeRows(8, 2)
    const id = await store(rows)
    const { softTargets } = await computeDatasetSoftTargets(teacher, request(id), makeCall(), db)
    const { vocabulary: _, labelSmoothing: __, ...common } = SMALL_TRAINING
    const settings: TrainSettings = {
      ...common,
      loss: 'forward-kl',
      temperature: 1,
      topK: 8,
      textShare: 0,
    }
    const start = (file: Uint8Array | undefined, over = rows) =>
      train(
        { ...IDS, datasetId: id, settings, softTargets, backend: 'wasm' },
        { signal: new AbortController().signal, emit: () => undefined },
        {
          stores: Object.assign(makeMemoryStores(over), { softTargets: file }),
          openRuntime: openTestRuntime,
          now: () => 0,
        },
      )
    const whole = (await softTargetFiles.read(projectId, softTargets)) ?? new Uint8Array()
    await expect(start(undefined)).rejects.toMatchObject({
      name: 'ModelMissing',
      message: expect.stringMatching(/no longer stored\. Load the teacher/),
    })
    await expect(start(whole.subarray(0, 40))).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^The teacher’s stored soft targets cannot be used: the file ends in its header/,
      ),
    })
    await expect(start(whole.subarray(0, whole.length - 1))).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/only 7 of 8 rows are stored/),
    })
    const broken = whole.slice()
    const word = new TextEncoder().encode('"json":"')
    broken[whole.findIndex((_byte, i) => word.every((byte, j) => whole[i + j] === byte)) + word.length] = 0x78 // x
    await expect(start(broken)).rejects.toMatchObject({
      name: 'ModelRefused',
      message:
        'The teacher’s stored soft targets cannot be used: their vocabulary is corrupt. Load the teacher and train a new student.',
    })
    await expect(start(whole, makeRows(9, 2))).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/do not belong to this dataset/),
    })
  })
})

test.skipIf(!hasSharedModel)(
  `trains a student that shares SmolLM2’s tokens on its soft targets and its texts${whySkipped}`,
  async () => {
    const teacher = await openTeacher(openSharedModel())
    const rows = makeRows(24, 6)
    const id = await store(rows)
    const { softTargets, refused } = await computeDatasetSoftTargets(
      teacher,
      { projectId, datasetId: id, topK: 16, temperature: 1 },
      makeCall(),
      db,
    )
    await teacher.release()
    expect(refused).toBe(0)
    const bytes = await softTargetFiles.read(projectId, softTargets)
    const stores = Object.assign(makeMemoryStores(rows), { softTargets: bytes })
    const { vocabulary: _, labelSmoothing: __, ...common } = SMALL_TRAINING
    const settings: TrainSettings = {
      ...common,
      loss: 'forward-kl',
      temperature: 1,
      topK: 16,
      textShare: 0.5,
      context: 64,
      steps: 60,
      evaluateEvery: 30,
      learningRate: 0.008,
      batchSize: 8,
    }
    const points: { train: number; heldOut?: number }[] = []
    await train(
      { ...IDS, datasetId: id, settings, softTargets, backend: 'wasm' },
      {
        signal: new AbortController().signal,
        emit: (event) => void (event.kind === 'step' && points.push(event.point)),
      },
      { stores, openRuntime: openTestRuntime, now: () => performance.now() },
    )
    const losses = points.flatMap(({ heldOut }) => (heldOut === undefined ? [] : [heldOut]))
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0)
    expect(points.at(-1)?.train).toBeLessThan(0.6 * (points[0]?.train ?? 0))
  },
  180_000,
)
