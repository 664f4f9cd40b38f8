// Lending a teacher: to the training that it was lent for, and only while it is loaded.
import 'fake-indexeddb/auto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { datasetId, type Dataset, type DatasetRow } from '../../../src/domain/dataset.ts'
import { EngineError } from '../../../src/engine/errors.ts'
import { makeNumbers } from '../../../src/engine/checks/numbers.ts'
import { readSoftTargetFile, writeSoftTargetHeader } from '../../../src/engine/training/soft-target-file.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { connect, portOf, serve } from '../../../src/protocol/channel.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { LentTeacherContract } from '../../../src/protocol/lent-teacher.ts'
import type { LendRequest } from '../../../src/protocol/teacher.ts'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { putDataset } from '../../../src/storage/datasets.ts'
import { softTargetFiles } from '../../../src/storage/files.ts'
import { borrowTeacher } from '../../../workers/student/borrowed-teacher.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { lendTeacher } from '../../../workers/teachers/lend.ts'
import { computeDatasetSoftTargets, type SoftTargetTeacher } from '../../../workers/teachers/soft-targets.ts'
import { writeSmallGguf } from '../../engine/weights/gguf/small-gguf.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { MODEL, storeProject } from '../../stand-ins/sample-project.ts'
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
  await storeProject(db, projectId)
  await putDataset(db, dataset, rows)
  return id
}
beforeEach(async () => {
  db = await openDatabase(`lending ${databases++}`)
  uninstall = installPrivateFiles(new PrivateFiles())
  const id = await store(makeRows(6, 2))
  const summary = await computeDatasetSoftTargets(
    teacher,
    { projectId, datasetId: id, topK: 8, temperature: 1 },
    { signal: never, emit: () => undefined },
    db,
  )
  request = {
    projectId,
    datasetId: id,
    topK: 8,
    temperature: 1,
    softTargets: summary.softTargets,
    teacher: summary.teacher,
  }
})
afterEach(() => {
  db.close()
  uninstall()
})

/** A loan in progress: the caller's side, and how it is ended. */
function lend(over: Partial<LendRequest> = {}, isLoaded: () => boolean = () => true) {
  const { port1, port2 } = new MessageChannel()
  const ends = new AbortController()
  const { remote, close } = connect<LentTeacherContract>(portOf(port2))
  let resolveReady: () => void = () => undefined
  const ready = new Promise<void>((resolve) => (resolveReady = resolve))
  const lending = lendTeacher(
    teacher,
    isLoaded,
    { ...request, ...over, port: port1 },
    { signal: ends.signal, emit: resolveReady },
    db,
  )
  return { remote, ready, lending, end: () => (ends.abort(), close('ended'), port2.close(), lending) }
}
/** New arrays for each call, because they are transferred. */
const makeCompletions = () => [
  { system: '', prompt: 'What colour is the cup?', tokens: Uint16Array.of(100, 101, 102, 4) },
]
const completions = makeCompletions()

test('computes soft targets on its port in the student’s token ids until the loan ends', async () => {
  const { remote, ready, end } = lend()
  await ready
  const [targets] = await remote.computeSoftTargets({ completions })
  expect(targets!.topK).toBe(8)
  expect(targets!.ids).toHaveLength(4 * 8)
  expect(targets!.ids.every((id) => id >= 4 && id < 5 + 256)).toBe(true) // tokens of texts, and the end
  for (let i = 0; i < 4; i++)
    expect(
      Math.abs(targets!.probabilities.subarray(9 * i, 9 * i + 9).reduce((a, b) => a + b, 0) - 1),
    ).toBeLessThanOrEqual(1e-5)
  expect(await end()).toBeNull()
})

test('rejects calls with NotLoaded after the teacher is unloaded', async () => {
  let loaded = true
  const { remote, ready, end } = lend({}, () => loaded)
  await ready
  expect(await remote.computeSoftTargets({ completions })).toHaveLength(1)
  loaded = false
  await expect(remote.computeSoftTargets({ completions })).rejects.toMatchObject({
    name: 'NotLoaded',
    message: expect.stringMatching(
      /^The teacher that this student learns from, “.+”, was unloaded\. Load it again/,
    ),
  })
  await end()
})

test('refuses to lend another teacher, one without stored soft targets, or one whose vocabulary changed', async () => {
  await expect(
    lend({ teacher: { ...request.teacher, name: 'Elsewhere', fingerprint: 'ffff' } }).lending,
  ).rejects.toMatchObject({
    name: 'ModelRefused',
    message: expect.stringMatching(
      /^This student learns from the teacher “Elsewhere”, but “.+” is loaded\. Load “Elsewhere” from the same file/,
    ),
  })
  await expect(lend({ teacher: { ...request.teacher, fingerprint: 'ffff' } }).lending).rejects.toMatchObject({
    message: expect.stringMatching(/another file of that name is loaded/),
  })
  await expect(lend({ softTargets: 'gone.trace' }).lending).rejects.toMatchObject({
    name: 'ModelMissing',
    message: expect.stringMatching(/not stored here any more/),
  })
  // As if the rows had used other tokens when the soft targets were computed.
  const stored = readSoftTargetFile(
    (await softTargetFiles.read(projectId, request.softTargets)) ?? new Uint8Array(),
  )
  if (!stored.ok) throw new Error(stored.sentence)
  const appender = await softTargetFiles.openPart(projectId, 'other.trace', 0)
  await appender.append(
    writeSoftTargetHeader({
      ...stored.file.header,
      tokenizer: { ...stored.file.header.tokenizer, json: '{}' },
    }),
  )
  await appender.close()
  await softTargetFiles.finishPart(projectId, 'other.trace')
  await expect(lend({ softTargets: 'other.trace' }).lending).rejects.toMatchObject({
    name: 'ModelRefused',
    message: expect.stringMatching(/cannot be rebuilt/),
  })
})

test('ends the loan with DeviceLost if the graphics card is lost, and the student’s call rejects', async () => {
  const { port1, port2 } = new MessageChannel()
  const lost: SoftTargetTeacher = {
    description: teacher.description,
    tokenizer: teacher.tokenizer,
    computeSoftTargets: () => Promise.reject(new EngineError('device-lost', 'The device is gone.')),
  }
  const lending = lendTeacher(
    lost,
    () => true,
    { ...request, port: port1 },
    { signal: never, emit: () => undefined },
    db,
  )
  const borrowed = borrowTeacher(port2)
  const ends = new AbortController()
  const call = borrowed
    .computeSoftTargets(makeCompletions(), ends.signal)
    .catch((thrown: Error) => thrown.name)
  void lending.catch(() => ends.abort()) // as the page does
  await expect(lending).rejects.toMatchObject({ name: 'DeviceLost' })
  await expect(call).resolves.toMatch(/^(NotLoaded|AbortError)$/)
  borrowed.close()
})

test('reports a failed teacher as NotLoaded to the student’s worker', async () => {
  const { port1, port2 } = new MessageChannel()
  const stop = serve<LentTeacherContract>(
    {
      computeSoftTargets: () => Promise.reject(new RetortError('DeviceLost', 'The graphics card was lost.')),
    },
    portOf(port1),
  )
  const borrowed = borrowTeacher(port2)
  await expect(borrowed.computeSoftTargets(makeCompletions(), never)).rejects.toMatchObject({
    name: 'NotLoaded',
    message:
      'The teacher could not score the student’s completions. The graphics card was lost. Load the teacher again, then resume from the last checkpoint.',
  })
  stop()
  borrowed.close()
  port1.close()
})
