// A teacher's shares of a dataset's classes: whole labels with their end, at a temperature; stored once, cut and gone on with.
import 'fake-indexeddb/auto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeNumbers } from '../../../src/engine/checks/numbers.ts'
import { datasetId, type Dataset, type DatasetRow } from '../../../src/domain/dataset.ts'
import type { DatasetId } from '../../../src/domain/id.ts'
import { messagesOf } from '../../../src/engine/tokenizers/student-template.ts'
import { readTraceFile, type TraceFile } from '../../../src/engine/training/trace-file.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import type { Call } from '../../../src/protocol/contract.ts'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { putDataset } from '../../../src/storage/datasets.ts'
import { traceFiles } from '../../../src/storage/files.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { findAnswerEnd } from '../../../src/engine/tokenizers/answer-end.ts'
import { toTeacherRow, traceClasses } from '../../../workers/teachers/trace-classes.ts'
import { writeSmallGguf } from '../../engine/weights/small-gguf.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { MODEL } from '../../stand-ins/sample-project.ts'
import { IDS, makeRows } from '../student/memory-stores.ts'

const { projectId } = IDS
const LABELS = ['no', 'not sure', 'yes']
let databases = 0
let db: Database
let uninstall: () => void
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
  teacher = await openGguf(sourceFromBytes('small.gguf', bytes), {
    backend: 'wasm',
    contextLength: 256,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  })
})
afterAll(() => teacher.release())
beforeEach(async () => {
  db = await openDatabase(`class traces ${databases++}`)
  uninstall = installPrivateFiles(new PrivateFiles())
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
const makeLabelled = (train: number): DatasetRow[] =>
  makeRows(train, 4).map((row, i) => ({ ...row, completion: LABELS[i % 3] ?? '' }))
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
async function readFile(name: string): Promise<TraceFile> {
  const read = readTraceFile((await traceFiles.read(projectId, name)) ?? new Uint8Array())
  if (!read.ok) throw new Error(read.sentence)
  return read.file
}

test('are those of whole labels with the end of an answer, among one another and plain', async () => {
  const rows = makeLabelled(9)
  const id = await store(rows)
  const { trace } = await traceClasses(teacher, { projectId, datasetId: id, temperature: 2 }, calling(), db)
  const { header, rows: traced } = await readFile(trace)
  expect(header).toMatchObject({ choices: 3, temperature: 2, labels: LABELS, rows: 9 })
  const { tokenizer } = teacher
  const end = findAnswerEnd(tokenizer) ?? -1
  expect(end).toBeGreaterThanOrEqual(0)
  for (const [i, row] of rows.slice(0, 9).entries()) {
    const prompt = tokenizer.encode(tokenizer.renderChat(messagesOf(row), { addGenerationPrompt: true }))
    // Each label by itself, token by token along a trace of all tokens that there are.
    const plain: number[] = []
    for (const label of LABELS) {
      const answer = tokenizer.encode(label, { special: false })
      let logProb = Number.NaN
      await teacher.weigh([{ id: '', tokens: prompt, continuations: [[...answer, end]] }], {
        signal: new AbortController().signal,
        onResult: ({ logProbs }) => (logProb = logProbs[0] ?? Number.NaN),
      })
      plain.push(Math.exp(logProb))
    }
    const warm = plain.map((one) => Math.sqrt(one))
    const total = warm.reduce((sum, one) => sum + one, 0)
    const wanted = [
      ...warm.map((one) => one / total),
      0,
      ...plain,
      1 - plain.reduce((sum, one) => sum + one, 0),
    ]
    expect([...(traced[i]?.ids ?? [])]).toEqual([0, 1, 2, 0, 1, 2])
    wanted.forEach((one, k) =>
      expect(
        Math.abs(one - (traced[i]?.probabilities[k] ?? Number.NaN)),
        `row ${i}, ${k}`,
      ).toBeLessThanOrEqual(1e-4),
    )
  }
})

test('are asked once, and a file that was cut off goes on', async () => {
  const id = await store(makeLabelled(70))
  const request = { projectId, datasetId: id, temperature: 1 }
  const cut = calling(({ done }, abort) => done >= 32 && abort())
  await expect(traceClasses(teacher, request, cut, db)).rejects.toMatchObject({ name: 'AbortError' })
  const rest = calling()
  const summary = await traceClasses(teacher, request, rest, db)
  expect(summary.rows).toBe(70)
  expect(rest.told.map(({ done }) => done)).toEqual([32, 64, 70])
  const again = calling()
  expect(await traceClasses(teacher, request, again, db)).toEqual(summary)
  expect(again.told).toEqual([])
  const other = await store(makeLabelled(71))
  expect((await traceClasses(teacher, { ...request, datasetId: other }, calling(), db)).trace).not.toBe(
    summary.trace,
  )
})

test('a row that does not fit has none and keeps its place; rows without classes are refused', async () => {
  const rows = makeLabelled(8).map((row, i) => (i === 2 ? { ...row, prompt: 'word '.repeat(300) } : row))
  const { trace } = await traceClasses(
    teacher,
    { projectId, datasetId: await store(rows), temperature: 1 },
    calling(),
    db,
  )
  expect((await readFile(trace)).rows.map(({ ids }) => ids.length)).toEqual([6, 6, 0, 6, 6, 6, 6, 6])
  const same = await store(makeRows(8, 2).map((row) => ({ ...row, completion: 'yes' })))
  await expect(
    traceClasses(teacher, { projectId, datasetId: same, temperature: 1 }, calling(), db),
  ).rejects.toMatchObject({
    name: 'ModelRefused',
    message: expect.stringContaining('All 8 training rows are answered with “yes”'),
  })
})

test('very unlikely labels keep their shares, and what is no number has none', () => {
  const { probabilities } = toTeacherRow([-300, -300 - Math.log(3)], 2, 1)
  expect(Math.abs((probabilities[0] ?? 0) - 0.75)).toBeLessThanOrEqual(1e-6)
  expect([...probabilities.subarray(3)]).toEqual([0, 0, 1])
  expect(toTeacherRow([-1, Number.NaN], 2, 1).ids.length).toBe(0)
})
