// From a dataset to a student that learned a teacher's probabilities: traced, cut and gone on with, trained, taken home.
import 'fake-indexeddb/auto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { datasetId, type Dataset, type DatasetRow } from '../../../src/domain/dataset.ts'
import type { DatasetId } from '../../../src/domain/id.ts'
import { DIVERGENCE_NAMES, type DivergenceTrainSettings } from '../../../src/domain/student.ts'
import { finalWeights, readCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import { readTraceFile } from '../../../src/engine/training/trace-file.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import type { Call } from '../../../src/protocol/contract.ts'
import type { TrainEvent } from '../../../src/protocol/student.ts'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { putDataset } from '../../../src/storage/datasets.ts'
import { traceFiles } from '../../../src/storage/files.ts'
import { train } from '../../../workers/student/train.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { traceDataset } from '../../../workers/teachers/trace.ts'
import { makeNumbers } from '../../../src/engine/checks/numbers.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { hasSharedModel, openSharedModel, whySkipped } from '../../engine/shared-model.ts'
import { writeSmallGguf } from '../../engine/weights/small-gguf.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { MODEL, SMALL_TRAINING } from '../../stand-ins/sample-project.ts'
import { IDS, makeMemoryStores, makeRows } from '../student/memory-stores.ts'

const { projectId } = IDS
let databases = 0
let db: Database
let files: PrivateFiles
let uninstall: () => void
beforeEach(async () => {
  db = await openDatabase(`traces ${databases++}`)
  files = new PrivateFiles()
  uninstall = installPrivateFiles(files)
})
afterEach(() => {
  db.close()
  uninstall()
})

type Told = { done: number; total: number }
function calling(
  onTold: (event: Told, abort: () => void) => void = () => undefined,
): Call<Told> & { told: Told[] } {
  const controller = new AbortController()
  const told: Told[] = []
  return {
    signal: controller.signal,
    told,
    emit: (event) => (told.push(event), onTold(event, () => controller.abort())),
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
  const request = (id: DatasetId, choices = 8) => ({ projectId, datasetId: id, choices, temperature: 1 })

  test('goes through the training rows once, and what is stored is not asked again', async () => {
    const rows = makeRows(70, 6)
    const id = await store(rows)
    const first = calling()
    const summary = await traceDataset(teacher, request(id), first, db)
    expect(summary).toMatchObject({ rows: 70, refused: 0 })
    expect(first.told).toEqual([0, 32, 64, 70].map((done) => ({ done, total: 70 })))
    const read = readTraceFile((await traceFiles.read(projectId, summary.trace)) ?? new Uint8Array())
    if (!read.ok) throw new Error(read.sentence)
    expect(read.file.rows.map(({ ids }) => ids.length / 8)).toEqual(
      rows.slice(0, 70).map(({ completion }) => completion.length + 1),
    ) // a token a byte, and the end
    const again = calling()
    expect(await traceDataset(teacher, request(id), again, db)).toEqual(summary)
    expect(again.told).toEqual([])
  })

  test('goes on where it was cut off, to the same file', async () => {
    const id = await store(makeRows(70, 6))
    const { trace } = await traceDataset(teacher, request(id), calling(), db)
    const whole = await traceFiles.read(projectId, trace)
    files = new PrivateFiles()
    uninstall()
    uninstall = installPrivateFiles(files)
    await expect(
      traceDataset(
        teacher,
        request(id),
        calling(({ done }, abort) => done === 32 && abort()),
        db,
      ),
    ).rejects.toMatchObject({ name: 'AbortError' })
    const rest = calling()
    expect((await traceDataset(teacher, request(id), rest, db)).trace).toBe(trace)
    expect(rest.told[0]).toEqual({ done: 32, total: 70 })
    expect(await traceFiles.read(projectId, trace)).toEqual(whole)
  })

  test('leaves out what does not fit its context, and says how many', async () => {
    const rows = makeRows(5, 1)
    const id = await store([...rows, { ...rows[0]!, prompt: 'very long '.repeat(60) }])
    expect(await traceDataset(teacher, request(id), calling(), db)).toMatchObject({ rows: 6, refused: 1 })
  })

  test('on a full disk stops with a sentence', async () => {
    const id = await store(makeRows(40, 2))
    uninstall()
    uninstall = installPrivateFiles(new PrivateFiles({ quota: 30_000 }))
    await expect(traceDataset(teacher, request(id), calling(), db)).rejects.toMatchObject({
      name: 'StorageFull',
      message: expect.stringMatching(/^The teacher’s probabilities could not be stored/),
    })
  })

  test.each(DIVERGENCE_NAMES)(
    'teaches a student its probabilities by %s',
    async (loss) => {
      const rows = makeRows(24, 4)
      const id = await store(rows)
      const { trace } = await traceDataset(teacher, request(id), calling(), db)
      const stores = Object.assign(makeMemoryStores(rows), { trace: await traceFiles.read(projectId, trace) })
      const { vocabulary: _, labelSmoothing: __, ...common } = SMALL_TRAINING
      const settings: DivergenceTrainSettings = {
        ...common,
        loss,
        temperature: 1,
        choices: 8,
        textShare: 0,
        context: 96,
        steps: 40,
        evaluateEvery: 20,
        learningRate: 0.01,
      }
      const points: { train: number; heldOut?: number }[] = []
      const emit = (event: TrainEvent): void => void (event.kind === 'step' && points.push(event.point))
      const outcome = await train(
        { ...IDS, datasetId: id, settings, trace, backend: 'wasm' },
        { signal: new AbortController().signal, emit },
        { stores, openRuntime: openTestRuntime, now: () => performance.now() },
      )
      expect(outcome).toEqual({ ending: 'finished', step: 40 })
      expect(points.at(-1)?.train).toBeLessThan(0.5 * (points[0]?.train ?? 0))
      const read = readCheckpoint(stores.checkpoint ?? new Uint8Array())
      if (!read.ok) throw new Error(read.sentence)
      expect(read.checkpoint.shape.vocabulary).toBe(5 + 256)
      expect(finalWeights(read.checkpoint).every(Number.isFinite)).toBe(true)
    },
    60_000,
  )

  test('whose file is gone, broken or another’s is told in a sentence', async () => {
    const rows = makeRows(8, 2)
    const id = await store(rows)
    const { trace } = await traceDataset(teacher, request(id), calling(), db)
    const { vocabulary: _, labelSmoothing: __, ...common } = SMALL_TRAINING
    const settings: DivergenceTrainSettings = {
      ...common,
      loss: 'forward-kl',
      temperature: 1,
      choices: 8,
      textShare: 0,
    }
    const start = (file: Uint8Array | undefined, over = rows) =>
      train(
        { ...IDS, datasetId: id, settings, trace, backend: 'wasm' },
        { signal: new AbortController().signal, emit: () => undefined },
        {
          stores: Object.assign(makeMemoryStores(over), { trace: file }),
          openRuntime: openTestRuntime,
          now: () => 0,
        },
      )
    const whole = (await traceFiles.read(projectId, trace)) ?? new Uint8Array()
    await expect(start(undefined)).rejects.toMatchObject({
      name: 'ModelMissing',
      message: expect.stringMatching(/not stored here any more\. Load the teacher/),
    })
    await expect(start(whole.subarray(0, 40))).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^The teacher’s stored answers cannot be used: the file is cut off in its header/,
      ),
    })
    await expect(start(whole.subarray(0, whole.length - 1))).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/7 of 8 rows are there/),
    })
    const broken = whole.slice()
    const word = new TextEncoder().encode('"json":"')
    broken[whole.findIndex((_byte, i) => word.every((byte, j) => whole[i + j] === byte)) + word.length] = 0x78 // x
    await expect(start(broken)).rejects.toMatchObject({
      name: 'ModelRefused',
      message:
        'The teacher’s stored answers cannot be used: their vocabulary is broken. Load the teacher and train a new student.',
    })
    await expect(start(whole, makeRows(9, 2))).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/are not those of this dataset/),
    })
  })
})

test.skipIf(!hasSharedModel)(
  `SmolLM2 teaches a student that shares its tokens, by both its probabilities and its texts${whySkipped}`,
  async () => {
    const teacher = await openTeacher(openSharedModel())
    const rows = makeRows(24, 6)
    const id = await store(rows)
    const { trace, refused } = await traceDataset(
      teacher,
      { projectId, datasetId: id, choices: 16, temperature: 1 },
      calling(),
      db,
    )
    await teacher.release()
    expect(refused).toBe(0)
    const bytes = await traceFiles.read(projectId, trace)
    const stores = Object.assign(makeMemoryStores(rows), { trace: bytes })
    const { vocabulary: _, labelSmoothing: __, ...common } = SMALL_TRAINING
    const settings: DivergenceTrainSettings = {
      ...common,
      loss: 'forward-kl',
      temperature: 1,
      choices: 16,
      textShare: 0.5,
      context: 64,
      steps: 60,
      evaluateEvery: 30,
      learningRate: 0.008,
      batch: 8,
    }
    const points: { train: number; heldOut?: number }[] = []
    await train(
      { ...IDS, datasetId: id, settings, trace, backend: 'wasm' },
      {
        signal: new AbortController().signal,
        emit: (event) => void (event.kind === 'step' && points.push(event.point)),
      },
      { stores, openRuntime: openTestRuntime, now: () => performance.now() },
    )
    const looks = points.flatMap(({ heldOut }) => (heldOut === undefined ? [] : [heldOut]))
    expect(looks.at(-1)).toBeLessThan(looks[0] ?? 0)
    expect(points.at(-1)?.train).toBeLessThan(0.6 * (points[0]?.train ?? 0))
  },
  180_000,
)
