// A student of several teachers: their files are listed and distinguished, mixed by weight, resumed bit for bit, and refused with a
// sentence if they do not fit together.
import 'fake-indexeddb/auto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { datasetId, type Dataset, type DatasetRow } from '../../../src/domain/dataset.ts'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import type { DatasetId } from '../../../src/domain/id.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import { makeNumbers } from '../../../src/engine/checks/numbers.ts'
import { readCheckpoint, type Checkpoint } from '../../../src/engine/training/checkpoint.ts'
import {
  readSoftTargetFile,
  writeSoftTargetHeader,
  writeSoftTargetRow,
  type SoftTargetHeader,
} from '../../../src/engine/training/soft-target-file.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { putDataset } from '../../../src/storage/datasets.ts'
import { softTargetFiles } from '../../../src/storage/files.ts'
import { listSoftTargets } from '../../../workers/student/list-soft-targets.ts'
import { train } from '../../../workers/student/train.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { computeDatasetSoftTargets } from '../../../workers/teachers/soft-targets.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { writeSmallGguf } from '../../engine/weights/gguf/small-gguf.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { MODEL, SMALL_TRAINING, storeProject } from '../../stand-ins/sample-project.ts'
import { IDS, makeMemoryStores, makeRows } from '../student/memory-stores.ts'

const { projectId } = IDS
const rows: DatasetRow[] = makeRows(12, 2)
const id: DatasetId = datasetId(rows)
let db: Database
let uninstall: () => void
/** File names of the two teachers' soft targets. */
let [first, second] = ['', '']

/** The small model under another name and with other weights, so that it is another teacher of the same vocabulary. */
async function storeSoftTargets(name: string, spread: number): Promise<string> {
  const bytes = writeSmallGguf({ 'general.name': { kind: 'text', value: name } }, (tensors) =>
    tensors.map((tensor, i) =>
      tensor.shape.length === 2
        ? { ...tensor, bytes: new Uint8Array(makeNumbers(tensor.bytes.length / 4, i + 1, spread).buffer) }
        : {
            ...tensor,
            bytes: new Uint8Array(Float32Array.from({ length: tensor.bytes.length / 4 }, () => 1).buffer),
          },
    ),
  )
  const teacher = await openGguf(sourceFromBytes('small.gguf', bytes), {
    backend: 'wasm',
    contextLength: 256,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  })
  const { softTargets } = await computeDatasetSoftTargets(
    teacher,
    { projectId, datasetId: id, topK: 8, temperature: 1 },
    { signal: new AbortController().signal, emit: () => undefined },
    db,
  )
  await teacher.release()
  return softTargets
}

beforeAll(async () => {
  db = await openDatabase('several teachers')
  uninstall = installPrivateFiles(new PrivateFiles())
  const dataset: Dataset = {
    projectId,
    id,
    runId: '0'.repeat(16) as Dataset['runId'],
    recipeHash: '0'.repeat(16) as Dataset['recipeHash'],
    recipeText: '',
    frozenAt: 1,
    rows: { train: 12, heldOut: 2 },
    teacher: MODEL,
    seeds: 1,
    funnel: [],
  }
  await storeProject(db, projectId)
  await putDataset(db, dataset, rows)
  first = await storeSoftTargets('Ann', 0.5)
  second = await storeSoftTargets('Bob', 0.3)
})
afterAll(() => {
  db.close()
  uninstall()
})

const { vocabulary: _, labelSmoothing: __, ...common } = SMALL_TRAINING
const SETTINGS: TrainSettings = {
  ...common,
  loss: 'forward-kl',
  temperature: 1,
  topK: 8,
  textShare: 0,
  context: 96,
  steps: 6,
  evaluateEvery: 3,
  learningRate: 0.01,
}
type Teachers = readonly { readonly softTargets: string; readonly weight: number }[]

interface TrainOptions {
  readonly stopAfter?: number
  readonly stores?: ReturnType<typeof storesOf>
  readonly settings?: TrainSettings
}
const storesOf = () =>
  Object.assign(makeMemoryStores(rows), {
    readSoftTargets: (_project: unknown, name: string) => softTargetFiles.read(projectId, name),
  })

/** The trained student's checkpoint; `stopAfter`: stops after this step. */
async function trainStudent(
  of: { softTargets: string } | { teachers: Teachers },
  { stopAfter, stores = storesOf(), settings = SETTINGS }: TrainOptions = {},
): Promise<Checkpoint> {
  const controller = new AbortController()
  let clock = 0
  await train(
    { ...IDS, datasetId: id, settings, ...of, backend: 'wasm' },
    {
      signal: controller.signal,
      emit: (event) => event.kind === 'step' && event.point.step === stopAfter && controller.abort(),
    },
    { stores, openRuntime: openTestRuntime, now: () => (clock += 150) },
  )
  const read = readCheckpoint(stores.checkpoint ?? new Uint8Array())
  if (!read.ok) throw new Error(read.sentence)
  return read.checkpoint
}
/** Hash of everything that training changes; a difference in millions of floats would be long to print. */
const hashOf = ({ state: { weights, m, v, step } }: Checkpoint): string =>
  [weights, m, v]
    .map((flat) => hashOfBytes(new Uint8Array(flat.buffer, flat.byteOffset, flat.byteLength)))
    .join(' ') + ` at ${step}`
const both = (weight = 1): { teachers: Teachers } => ({
  teachers: [
    { softTargets: first, weight: 1 },
    { softTargets: second, weight },
  ],
})

test('lists a dataset’s soft-target files with their teachers, the newest first', async () => {
  const listed = await listSoftTargets({ projectId, datasetId: id })
  expect(listed.map(({ name }) => name).toSorted()).toEqual(['Ann', 'Bob'])
  expect(first).not.toBe(second)
  const [a, b] = listed
  expect(a).toMatchObject({ topK: 8, temperature: 1, vocabulary: b?.vocabulary })
  expect(listed.map(({ file, fingerprint }) => file.includes(fingerprint))).toEqual([true, true])
  expect(a?.bytes).toBe((await softTargetFiles.read(projectId, a?.file ?? ''))?.length)
  expect(await listSoftTargets({ projectId, datasetId: 'f'.repeat(32) as DatasetId })).toEqual([])
})

describe('a student of two teachers', () => {
  test('differs from a student of either teacher and is reproducible', async () => {
    const mixed = hashOf(await trainStudent(both()))
    expect(mixed).not.toBe(hashOf(await trainStudent({ softTargets: first })))
    expect(mixed).not.toBe(hashOf(await trainStudent({ softTargets: second })))
    expect(hashOf(await trainStudent(both()))).toBe(mixed)
  })

  test('resumes a stopped training to the same student bit for bit', async () => {
    const whole = await trainStudent(both(2))
    const stores = storesOf()
    expect((await trainStudent(both(2), { stopAfter: 2, stores })).state.step).toBe(2)
    const again = await trainStudent(both(2), { stores })
    expect(hashOf(again)).toBe(hashOf(whole))
    expect(again.losses).toEqual(whole.losses)
  })

  test('equals the student of one teacher with weights 1 and 0, or with that teacher twice', async () => {
    const alone = hashOf(await trainStudent({ softTargets: first }))
    expect(hashOf(await trainStudent(both(0)))).toBe(alone)
    expect(
      hashOf(
        await trainStudent({
          teachers: [
            { softTargets: first, weight: 1 },
            { softTargets: first, weight: 2 },
          ],
        }),
      ),
    ).toBe(alone)
  })

  test('does not resume from a checkpoint with other weights', async () => {
    const stores = storesOf()
    await trainStudent(both(2), { stopAfter: 2, stores })
    await expect(trainStudent(both(3), { stores })).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/another dataset or other settings/),
    })
  })

  test('learns a row that one teacher lacks from the other', async () => {
    await rewrite(
      second,
      'partly.trace',
      (header) => header,
      (row, i) => (i < 11 ? { ...row, ids: new Uint16Array(0), probabilities: new Float32Array(0) } : row),
    )
    const partly = await trainStudent({
      teachers: [
        { softTargets: first, weight: 1 },
        { softTargets: 'partly.trace', weight: 1 },
      ],
    })
    expect(partly.state.step).toBe(6)
    expect(partly.state.weights.every(Number.isFinite)).toBe(true)
  })
})

type TeacherRows = Extract<ReturnType<typeof readSoftTargetFile>, { ok: true }>['file']['rows']
/** Copies a file with another header or other rows. */
async function rewrite(
  from: string,
  to: string,
  change: (header: SoftTargetHeader) => SoftTargetHeader,
  changeRow: (row: TeacherRows[number], i: number) => TeacherRows[number] = (row) => row,
): Promise<void> {
  const read = readSoftTargetFile((await softTargetFiles.read(projectId, from)) ?? new Uint8Array())
  if (!read.ok) throw new Error(read.sentence)
  const appender = await softTargetFiles.openPart(projectId, to, 0)
  for (const part of [
    writeSoftTargetHeader(change(read.file.header)),
    ...read.file.rows.map((row, i) => writeSoftTargetRow(changeRow(row, i))),
  ])
    await appender.append(part)
  await appender.close()
  await softTargetFiles.finishPart(projectId, to)
}

describe('teachers that do not fit together', () => {
  const cases: readonly [string, (header: SoftTargetHeader) => SoftTargetHeader, RegExp][] = [
    [
      'of another vocabulary',
      (header) => ({
        ...header,
        tokenizer: { ...header.tokenizer, json: header.tokenizer.json.replace('"a"', '"ā"') },
      }),
      /^Ann and Bob have different vocabularies, and a student can use only one\. Set the weight of one of them to 0/,
    ],
    [
      'of another temperature',
      (header) => ({ ...header, temperature: 2 }),
      /^The soft targets of Bob were stored at temperature 2, and this student trains at 1\. Set the temperature to 2/,
    ],
  ]
  test.each(cases)('refuses a teacher %s', async (name, change, sentence) => {
    await rewrite(second, `${name}.trace`, change)
    await expect(
      trainStudent({
        teachers: [
          { softTargets: first, weight: 1 },
          { softTargets: `${name}.trace`, weight: 1 },
        ],
      }),
    ).rejects.toMatchObject({ name: 'ModelRefused', message: expect.stringMatching(sentence) })
    expect(
      (
        await trainStudent({
          teachers: [
            { softTargets: first, weight: 1 },
            { softTargets: `${name}.trace`, weight: 0 },
          ],
        })
      ).state.step,
    ).toBe(6)
  })

  test('refuses a teacher with fewer top-k tokens', async () => {
    await rewrite(
      second,
      'fewer.trace',
      (header) => ({ ...header, topK: 1 }),
      ({ ids }) => ({
        topK: 1,
        ids: ids.filter((_id, i) => i % 8 === 0),
        probabilities: Float32Array.from({ length: ids.length / 4 }, () => 0.5),
      }),
    )
    await expect(
      trainStudent({
        teachers: [
          { softTargets: first, weight: 1 },
          { softTargets: 'fewer.trace', weight: 1 },
        ],
      }),
    ).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^The soft targets of Ann have the top 8 tokens and those of Bob the top 1: a student cannot learn from both at once\./,
      ),
    })
  })

  test('refuses a missing file, as in a project that was saved and opened, and invalid weights', async () => {
    await expect(
      trainStudent({
        teachers: [
          { softTargets: first, weight: 1 },
          { softTargets: 'gone.trace', weight: 1 },
        ],
      }),
    ).rejects.toMatchObject({
      name: 'ModelMissing',
      message: expect.stringMatching(/no longer stored\. Load the teacher/),
    })
    for (const weight of [-1, Number.NaN])
      await expect(trainStudent(both(weight))).rejects.toMatchObject({
        name: 'ModelRefused',
        message: expect.stringMatching(/must be at least 0/),
      })
  })
})

test('does not list a deleted file or one that is not a soft-target file', async () => {
  const appender = await softTargetFiles.openPart(projectId, `${id.slice(0, 16)}-junk.trace`, 0)
  await appender.append(new TextEncoder().encode('not a soft-target file'))
  await appender.close()
  await softTargetFiles.finishPart(projectId, `${id.slice(0, 16)}-junk.trace`)
  expect(await listSoftTargets({ projectId, datasetId: id })).toHaveLength(2)
  await softTargetFiles.remove(projectId, second)
  expect((await listSoftTargets({ projectId, datasetId: id })).map(({ name }) => name)).toEqual(['Ann'])
})
