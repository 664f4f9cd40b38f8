// A teacher that is lent: to the training it was lent for, as long as it is loaded, and no other.
import 'fake-indexeddb/auto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { datasetId, type Dataset, type DatasetRow } from '../../../src/domain/dataset.ts'
import { EngineError } from '../../../src/engine/errors.ts'
import { makeNumbers } from '../../../src/engine/checks/numbers.ts'
import { readTraceFile, writeTraceHeader } from '../../../src/engine/training/trace-file.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { connect, portOf, serve } from '../../../src/protocol/channel.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { LentTeacherContract } from '../../../src/protocol/lent-teacher.ts'
import type { LendRequest } from '../../../src/protocol/teacher.ts'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { putDataset } from '../../../src/storage/datasets.ts'
import { traceFiles } from '../../../src/storage/files.ts'
import { borrowTeacher } from '../../../workers/student/borrowed-teacher.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { lendTeacher } from '../../../workers/teachers/lend.ts'
import { traceDataset, type TracingTeacher } from '../../../workers/teachers/trace.ts'
import { writeSmallGguf } from '../../engine/weights/small-gguf.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { MODEL } from '../../stand-ins/sample-project.ts'
import { IDS, makeRows } from '../student/memory-stores.ts'

const { projectId } = IDS
const never = new AbortController().signal
let databases = 0
let db: Database
let teacher: EngineTeacher
let uninstall: () => void
let request: Omit<LendRequest, 'port'>
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
  teacher = await openGguf(sourceFromBytes('small.gguf', bytes), {
    backend: 'wasm',
    contextLength: 256,
    signal: never,
    onProgress: () => undefined,
  })
})
afterAll(() => teacher.release())

async function store(rows: readonly DatasetRow[]): Promise<Dataset['id']> {
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
beforeEach(async () => {
  db = await openDatabase(`lending ${databases++}`)
  uninstall = installPrivateFiles(new PrivateFiles())
  const id = await store(makeRows(6, 2))
  const summary = await traceDataset(
    teacher,
    { projectId, datasetId: id, choices: 8, temperature: 1 },
    { signal: never, emit: () => undefined },
    db,
  )
  request = {
    projectId,
    datasetId: id,
    choices: 8,
    temperature: 1,
    trace: summary.trace,
    teacher: summary.teacher,
  }
})
afterEach(() => {
  db.close()
  uninstall()
})

/** A lending under way: the asking side, and how it is ended. */
function lend(over: Partial<LendRequest> = {}, isHere: () => boolean = () => true) {
  const { port1, port2 } = new MessageChannel()
  const ends = new AbortController()
  const { remote, close } = connect<LentTeacherContract>(portOf(port2))
  let tellReady: () => void = () => undefined
  const ready = new Promise<void>((resolve) => (tellReady = resolve))
  const lending = lendTeacher(
    teacher,
    isHere,
    { ...request, ...over, port: port1 },
    { signal: ends.signal, emit: tellReady },
    db,
  )
  return { remote, ready, lending, end: () => (ends.abort(), close('ended'), port2.close(), lending) }
}
/** Made anew where it is handed over. */
const makeAnswers = () => [
  { system: '', prompt: 'What colour is the cup?', tokens: Uint16Array.of(100, 101, 102, 4) },
]
const answers = makeAnswers()

test('answers on its port in the student’s numbers until it is taken back', async () => {
  const { remote, ready, end } = lend()
  await ready
  const [traced] = await remote.trace({ answers })
  expect(traced!.choices).toBe(8)
  expect(traced!.ids).toHaveLength(4 * 8)
  expect(traced!.ids.every((id) => id >= 4 && id < 5 + 256)).toBe(true) // tokens of texts, and the end
  for (let i = 0; i < 4; i++)
    expect(
      Math.abs(traced!.probabilities.subarray(9 * i, 9 * i + 9).reduce((a, b) => a + b, 0) - 1),
    ).toBeLessThanOrEqual(1e-5)
  expect(await end()).toBeNull()
})

test('that is unloaded meanwhile says so to whoever asks', async () => {
  let here = true
  const { remote, ready, end } = lend({}, () => here)
  await ready
  expect(await remote.trace({ answers })).toHaveLength(1)
  here = false
  await expect(remote.trace({ answers })).rejects.toMatchObject({
    name: 'NotLoaded',
    message: expect.stringMatching(
      /^The teacher that this student learns from, “.+”, was unloaded\. Load it again/,
    ),
  })
  await end()
})

test('is not lent in the place of another, without its stored answers, or where the rows are others by now', async () => {
  await expect(
    lend({ teacher: { ...request.teacher, name: 'Elsewhere', fingerprint: 'ffff' } }).lending,
  ).rejects.toMatchObject({
    name: 'ModelRefused',
    message: expect.stringMatching(
      /^This student learns from the teacher “Elsewhere”, and “.+” is loaded\. Load the one it began with/,
    ),
  })
  await expect(lend({ teacher: { ...request.teacher, fingerprint: 'ffff' } }).lending).rejects.toMatchObject({
    message: expect.stringMatching(/another file of that name is loaded/),
  })
  await expect(lend({ trace: 'gone.trace' }).lending).rejects.toMatchObject({
    name: 'ModelMissing',
    message: expect.stringMatching(/not stored here any more/),
  })
  // As if the rows had used other tokens when it was traced.
  const stored = readTraceFile((await traceFiles.read(projectId, request.trace)) ?? new Uint8Array())
  if (!stored.ok) throw new Error(stored.sentence)
  const appender = await traceFiles.openPart(projectId, 'other.trace', 0)
  await appender.append(
    writeTraceHeader({ ...stored.file.header, tokenizer: { ...stored.file.header.tokenizer, json: '{}' } }),
  )
  await appender.close()
  await traceFiles.finishPart(projectId, 'other.trace')
  await expect(lend({ trace: 'other.trace' }).lending).rejects.toMatchObject({
    name: 'ModelRefused',
    message: expect.stringMatching(/cannot be made again/),
  })
})

test('that loses the graphics card ends the lending with that, and the student’s worker hears of a teacher that is gone', async () => {
  const { port1, port2 } = new MessageChannel()
  const card: TracingTeacher = {
    description: teacher.description,
    tokenizer: teacher.tokenizer,
    trace: () => Promise.reject(new EngineError('device-lost', 'The device is gone.')),
  }
  const lending = lendTeacher(
    card,
    () => true,
    { ...request, port: port1 },
    { signal: never, emit: () => undefined },
    db,
  )
  const borrowed = borrowTeacher(port2)
  const ends = new AbortController()
  const asking = borrowed.trace(makeAnswers(), ends.signal).catch((thrown: Error) => thrown.name)
  void lending.catch(() => ends.abort()) // as the page does
  await expect(lending).rejects.toMatchObject({ name: 'DeviceLost' })
  await expect(asking).resolves.toMatch(/^(NotLoaded|AbortError)$/)
  borrowed.close()
})

test('whose answer fails is a teacher that is not there, never a student’s worker that broke', async () => {
  const { port1, port2 } = new MessageChannel()
  const stop = serve<LentTeacherContract>(
    { trace: () => Promise.reject(new RetortError('DeviceLost', 'The GPU was lost.')) },
    portOf(port1),
  )
  const borrowed = borrowTeacher(port2)
  await expect(borrowed.trace(makeAnswers(), never)).rejects.toMatchObject({
    name: 'NotLoaded',
    message:
      'The teacher could not go through the student’s answers. The GPU was lost. Load the teacher again, then go on from the last checkpoint.',
  })
  stop()
  borrowed.close()
  port1.close()
})
