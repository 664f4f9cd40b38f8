// A teacher's probabilities of a dataset's classes: whole labels with their end token, at a temperature; stored once, interrupted, resumed.
import 'fake-indexeddb/auto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeNumbers } from '../../../src/engine/checks/numbers.ts'
import { datasetId, type Dataset, type DatasetRow } from '../../../src/domain/dataset.ts'
import type { DatasetId } from '../../../src/domain/id.ts'
import { messagesOf } from '../../../src/engine/tokenizers/templates/student-template.ts'
import { readSoftTargetFile, type SoftTargetFile } from '../../../src/engine/training/soft-target-file.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import type { Call } from '../../../src/protocol/contract.ts'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { putDataset } from '../../../src/storage/datasets.ts'
import { softTargetFiles } from '../../../src/storage/files.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { findAnswerEnd } from '../../../src/engine/tokenizers/templates/answer-end.ts'
import { toTeacherRow, computeClassSoftTargets } from '../../../workers/teachers/class-soft-targets.ts'
import { writeSmallGguf } from '../../engine/weights/gguf/small-gguf.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { MODEL, storeProject } from '../../stand-ins/sample-project.ts'
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
  db = await openDatabase(`class soft targets ${databases++}`)
  uninstall = installPrivateFiles(new PrivateFiles())
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
  await storeProject(db, projectId)
  await putDataset(db, dataset, rows)
  return id
}
async function readFile(name: string): Promise<SoftTargetFile> {
  const read = readSoftTargetFile((await softTargetFiles.read(projectId, name)) ?? new Uint8Array())
  if (!read.ok) throw new Error(read.sentence)
  return read.file
}

test('computes shares of whole labels with their end token, and plain probabilities', async () => {
  const rows = makeLabelled(9)
  const id = await store(rows)
  const { softTargets } = await computeClassSoftTargets(
    teacher,
    { projectId, datasetId: id, temperature: 2 },
    makeCall(),
    db,
  )
  const { header, rows: targets } = await readFile(softTargets)
  expect(header).toMatchObject({ topK: 3, temperature: 2, labels: LABELS, rows: 9 })
  const { tokenizer } = teacher
  const end = findAnswerEnd(tokenizer) ?? -1
  expect(end).toBeGreaterThanOrEqual(0)
  for (const [i, row] of rows.slice(0, 9).entries()) {
    const prompt = tokenizer.encode(tokenizer.renderChat(messagesOf(row), { addGenerationPrompt: true }))
    // Each label by itself, scored with its end token.
    const plain: number[] = []
    for (const label of LABELS) {
      const answer = tokenizer.encode(label, { special: false })
      let logProb = Number.NaN
      await teacher.scoreTokens([{ id: '', tokens: prompt, continuations: [[...answer, end]] }], {
        signal: new AbortController().signal,
        onResult: ({ logProbs }) => (logProb = logProbs[0] ?? Number.NaN),
      })
      plain.push(Math.exp(logProb))
    }
    const warm = plain.map((one) => Math.sqrt(one))
    const total = warm.reduce((sum, one) => sum + one, 0)
    const expected = [
      ...warm.map((one) => one / total),
      0,
      ...plain,
      1 - plain.reduce((sum, one) => sum + one, 0),
    ]
    expect([...(targets[i]?.ids ?? [])]).toEqual([0, 1, 2, 0, 1, 2])
    expected.forEach((one, k) =>
      expect(
        Math.abs(one - (targets[i]?.probabilities[k] ?? Number.NaN)),
        `row ${i}, ${k}`,
      ).toBeLessThanOrEqual(1e-4),
    )
  }
})

test('computes each row once and resumes an interrupted file', async () => {
  const id = await store(makeLabelled(70))
  const request = { projectId, datasetId: id, temperature: 1 }
  const interrupted = makeCall(({ done }, abort) => done >= 32 && abort())
  await expect(computeClassSoftTargets(teacher, request, interrupted, db)).rejects.toMatchObject({
    name: 'AbortError',
  })
  const rest = makeCall()
  const summary = await computeClassSoftTargets(teacher, request, rest, db)
  expect(summary.rows).toBe(70)
  expect(rest.reported.map(({ done }) => done)).toEqual([32, 64, 70])
  const again = makeCall()
  expect(await computeClassSoftTargets(teacher, request, again, db)).toEqual(summary)
  expect(again.reported).toEqual([])
  const other = await store(makeLabelled(71))
  expect(
    (await computeClassSoftTargets(teacher, { ...request, datasetId: other }, makeCall(), db)).softTargets,
  ).not.toBe(summary.softTargets)
})

test('leaves a row that does not fit empty, and refuses rows without classes', async () => {
  const rows = makeLabelled(8).map((row, i) => (i === 2 ? { ...row, prompt: 'word '.repeat(300) } : row))
  const { softTargets } = await computeClassSoftTargets(
    teacher,
    { projectId, datasetId: await store(rows), temperature: 1 },
    makeCall(),
    db,
  )
  expect((await readFile(softTargets)).rows.map(({ ids }) => ids.length)).toEqual([6, 6, 0, 6, 6, 6, 6, 6])
  const same = await store(makeRows(8, 2).map((row) => ({ ...row, completion: 'yes' })))
  await expect(
    computeClassSoftTargets(teacher, { projectId, datasetId: same, temperature: 1 }, makeCall(), db),
  ).rejects.toMatchObject({
    name: 'ModelRefused',
    message: expect.stringContaining('All 8 training rows have the completion “yes”'),
  })
})

test('keeps the shares of very unlikely labels and drops values that are not finite', () => {
  const { probabilities } = toTeacherRow([-300, -300 - Math.log(3)], 2, 1)
  expect(Math.abs((probabilities[0] ?? 0) - 0.75)).toBeLessThanOrEqual(1e-6)
  expect([...probabilities.subarray(3)]).toEqual([0, 0, 1])
  expect(toTeacherRow([-1, Number.NaN], 2, 1).ids.length).toBe(0)
})
