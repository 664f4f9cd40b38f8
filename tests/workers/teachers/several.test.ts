// A student of several teachers: their files are listed and told apart, mixed by their weights, gone on with bit for bit, and refused with
// a sentence where they do not go together.
import 'fake-indexeddb/auto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { datasetId, type Dataset, type DatasetRow } from '../../../src/domain/dataset.ts'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import type { DatasetId } from '../../../src/domain/id.ts'
import type { DivergenceTrainSettings } from '../../../src/domain/student.ts'
import { makeNumbers } from '../../../src/engine/checks/numbers.ts'
import { readCheckpoint, type Checkpoint } from '../../../src/engine/training/checkpoint.ts'
import {
  readTraceFile,
  writeTraceHeader,
  writeTraceRow,
  type TraceHeader,
} from '../../../src/engine/training/trace-file.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { putDataset } from '../../../src/storage/datasets.ts'
import { traceFiles } from '../../../src/storage/files.ts'
import { listTraces } from '../../../workers/student/list-traces.ts'
import { train } from '../../../workers/student/train.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { traceDataset } from '../../../workers/teachers/trace.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { writeSmallGguf } from '../../engine/weights/small-gguf.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { MODEL, SMALL_TRAINING } from '../../stand-ins/sample-project.ts'
import { IDS, makeMemoryStores, makeRows } from '../student/memory-stores.ts'

const { projectId } = IDS
const rows: DatasetRow[] = makeRows(12, 2)
const id: DatasetId = datasetId(rows)
let db: Database
let uninstall: () => void
/** File names of the two teachers' probabilities. */
let [first, second] = ['', '']

/** The small model under another name and with other weights, so that it is another teacher of the same vocabulary. */
async function traceWith(name: string, spread: number): Promise<string> {
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
  const { trace } = await traceDataset(
    teacher,
    { projectId, datasetId: id, choices: 8, temperature: 1 },
    { signal: new AbortController().signal, emit: () => undefined },
    db,
  )
  await teacher.release()
  return trace
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
  await putDataset(db, dataset, rows)
  first = await traceWith('Ann', 0.5)
  second = await traceWith('Bob', 0.3)
})
afterAll(() => {
  db.close()
  uninstall()
})

const { vocabulary: _, labelSmoothing: __, ...common } = SMALL_TRAINING
const SETTINGS: DivergenceTrainSettings = {
  ...common,
  loss: 'forward-kl',
  temperature: 1,
  choices: 8,
  textShare: 0,
  context: 96,
  steps: 6,
  evaluateEvery: 3,
  learningRate: 0.01,
}
type Teachers = readonly { readonly trace: string; readonly weight: number }[]

interface Begun {
  readonly stopAfter?: number
  readonly stores?: ReturnType<typeof storesOf>
  readonly settings?: DivergenceTrainSettings
}
const storesOf = () =>
  Object.assign(makeMemoryStores(rows), {
    readTrace: (_project: unknown, name: string) => traceFiles.read(projectId, name),
  })

/** What the student comes to; stopped after a step where one is given. */
async function teach(
  of: { trace: string } | { teachers: Teachers },
  { stopAfter, stores = storesOf(), settings = SETTINGS }: Begun = {},
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
/** Of all that training changes: as a number, for a difference in millions of floats is long to print. */
const markOf = ({ state: { weights, first: moments, second: squares, step } }: Checkpoint): string =>
  [weights, moments, squares]
    .map((flat) => hashOfBytes(new Uint8Array(flat.buffer, flat.byteOffset, flat.byteLength)))
    .join(' ') + ` at ${step}`
const both = (weight = 1): { teachers: Teachers } => ({
  teachers: [
    { trace: first, weight: 1 },
    { trace: second, weight },
  ],
})

test('files of a dataset are listed with the model that made them, the newest first', async () => {
  const listed = await listTraces({ projectId, datasetId: id })
  expect(listed.map(({ name }) => name).toSorted()).toEqual(['Ann', 'Bob'])
  expect(first).not.toBe(second)
  const [a, b] = listed
  expect(a).toMatchObject({ choices: 8, temperature: 1, vocabulary: b?.vocabulary })
  expect(listed.map(({ file, fingerprint }) => file.includes(fingerprint))).toEqual([true, true])
  expect(a?.bytes).toBe((await traceFiles.read(projectId, a?.file ?? ''))?.length)
  expect(await listTraces({ projectId, datasetId: 'f'.repeat(32) as DatasetId })).toEqual([])
})

describe('a student of two teachers', () => {
  test('is another than that of either, and repeats', async () => {
    const mixed = markOf(await teach(both()))
    expect(mixed).not.toBe(markOf(await teach({ trace: first })))
    expect(mixed).not.toBe(markOf(await teach({ trace: second })))
    expect(markOf(await teach(both()))).toBe(mixed)
  })

  test('stopped and taken up again is the one that was not, bit for bit', async () => {
    const whole = await teach(both(2))
    const stores = storesOf()
    expect((await teach(both(2), { stopAfter: 2, stores })).state.step).toBe(2)
    const again = await teach(both(2), { stores })
    expect(markOf(again)).toBe(markOf(whole))
    expect(again.losses).toEqual(whole.losses)
  })

  test('with weights of 1 and 0 is the student of the first alone, and with one teacher twice that of this one', async () => {
    const alone = markOf(await teach({ trace: first }))
    expect(markOf(await teach(both(0)))).toBe(alone)
    expect(
      markOf(
        await teach({
          teachers: [
            { trace: first, weight: 1 },
            { trace: first, weight: 2 },
          ],
        }),
      ),
    ).toBe(alone)
  })

  test('whose weights were changed does not go on from the checkpoint', async () => {
    const stores = storesOf()
    await teach(both(2), { stopAfter: 2, stores })
    await expect(teach(both(3), { stores })).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/another dataset or other settings/),
    })
  })

  test('learns a row that one teacher could not be asked from the other', async () => {
    await rewrite(
      second,
      'partly.trace',
      (header) => header,
      (row, i) => (i < 11 ? { ...row, ids: new Uint16Array(0), probabilities: new Float32Array(0) } : row),
    )
    const partly = await teach({
      teachers: [
        { trace: first, weight: 1 },
        { trace: 'partly.trace', weight: 1 },
      ],
    })
    expect(partly.state.step).toBe(6)
    expect(partly.state.weights.every(Number.isFinite)).toBe(true)
  })
})

type TeacherRows = Extract<ReturnType<typeof readTraceFile>, { ok: true }>['file']['rows']
/** Writes a file over with another header or other rows. */
async function rewrite(
  from: string,
  to: string,
  change: (header: TraceHeader) => TraceHeader,
  changeRow: (row: TeacherRows[number], i: number) => TeacherRows[number] = (row) => row,
): Promise<void> {
  const read = readTraceFile((await traceFiles.read(projectId, from)) ?? new Uint8Array())
  if (!read.ok) throw new Error(read.sentence)
  const appender = await traceFiles.openPart(projectId, to, 0)
  for (const part of [
    writeTraceHeader(change(read.file.header)),
    ...read.file.rows.map((row, i) => writeTraceRow(changeRow(row, i))),
  ])
    await appender.append(part)
  await appender.close()
  await traceFiles.finishPart(projectId, to)
}

describe('teachers that do not go together are refused with a sentence', () => {
  const cases: readonly [string, (header: TraceHeader) => TraceHeader, RegExp][] = [
    [
      'of another vocabulary',
      (header) => ({
        ...header,
        tokenizer: { ...header.tokenizer, json: header.tokenizer.json.replace('"a"', '"ā"') },
      }),
      /^Ann and Bob have different vocabularies, and a student can share only one\. Give one of them the weight 0/,
    ],
    [
      'of another temperature',
      (header) => ({ ...header, temperature: 2 }),
      /^The stored probabilities of Bob were taken at temperature 2, and this student learns at 1\. Set the temperature to 2/,
    ],
  ]
  test.each(cases)('%s', async (name, change, sentence) => {
    await rewrite(second, `${name}.trace`, change)
    await expect(
      teach({
        teachers: [
          { trace: first, weight: 1 },
          { trace: `${name}.trace`, weight: 1 },
        ],
      }),
    ).rejects.toMatchObject({ name: 'ModelRefused', message: expect.stringMatching(sentence) })
    expect(
      (
        await teach({
          teachers: [
            { trace: first, weight: 1 },
            { trace: `${name}.trace`, weight: 0 },
          ],
        })
      ).state.step,
    ).toBe(6)
  })

  test('of fewer tokens kept', async () => {
    await rewrite(
      second,
      'fewer.trace',
      (header) => ({ ...header, choices: 1 }),
      ({ ids }) => ({
        choices: 1,
        ids: ids.filter((_id, i) => i % 8 === 0),
        probabilities: Float32Array.from({ length: ids.length / 4 }, () => 0.5),
      }),
    )
    await expect(
      teach({
        teachers: [
          { trace: first, weight: 1 },
          { trace: 'fewer.trace', weight: 1 },
        ],
      }),
    ).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^Of Ann the 8 likeliest tokens are stored and of Bob 1: a student cannot learn from both at once\./,
      ),
    })
  })

  test('with one that is gone, as in a project that was saved and opened, or with weights that are none', async () => {
    await expect(
      teach({
        teachers: [
          { trace: first, weight: 1 },
          { trace: 'gone.trace', weight: 1 },
        ],
      }),
    ).rejects.toMatchObject({
      name: 'ModelMissing',
      message: expect.stringMatching(/not stored here any more\. Load the teacher/),
    })
    for (const weight of [-1, Number.NaN])
      await expect(teach(both(weight))).rejects.toMatchObject({
        name: 'ModelRefused',
        message: expect.stringMatching(/must be numbers of at least 0/),
      })
  })
})

test('a deleted file is not listed any more, and neither is one that is no trace', async () => {
  const appender = await traceFiles.openPart(projectId, `${id.slice(0, 16)}-junk.trace`, 0)
  await appender.append(new TextEncoder().encode('no trace at all'))
  await appender.close()
  await traceFiles.finishPart(projectId, `${id.slice(0, 16)}-junk.trace`)
  expect(await listTraces({ projectId, datasetId: id })).toHaveLength(2)
  await traceFiles.remove(projectId, second)
  expect((await listTraces({ projectId, datasetId: id })).map(({ name }) => name)).toEqual(['Ann'])
})
