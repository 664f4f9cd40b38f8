// A student stored by version 0.1: the names of its settings have changed since, and its checkpoint can still be resumed and read.
import { readFileSync } from 'node:fs'
import { unzipSync } from 'fflate'
import { expect, test } from 'vitest'
import { hashOf } from '../../../src/domain/hash.ts'
import type { ProjectId, StudentId } from '../../../src/domain/id.ts'
import type { BaseModel } from '../../../src/domain/student.ts'
import { readCheckpoint, writeCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import type { TrainRequest } from '../../../src/protocol/student.ts'
import { keyOf, readStoredStudent } from '../../../workers/student/stored-student.ts'
import { IDS, makeMemoryStores, SETTINGS } from './memory-stores.ts'
import { adapt, keep, makeSmallModel, makeStores } from './train-adapters.ts'

interface StudentOf01 {
  readonly id: string
  readonly datasetId: TrainRequest['datasetId']
  readonly settings: Readonly<Record<string, unknown>>
}

const files = unzipSync(
  new Uint8Array(readFileSync(new URL('../../fixtures/project-of-0.1.retort.zip', import.meta.url))),
)
const students = new TextDecoder()
  .decode(files['students.jsonl'])
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as StudentOf01)
  .filter(({ id }) => files[`students/${id}/last.checkpoint`] !== undefined)
const checkpointOf = ({ id }: StudentOf01): Uint8Array =>
  files[`students/${id}/last.checkpoint`] ?? expect.fail(`no checkpoint of ${id}`)

test('keeps the key of a training that version 0.1 started', () => {
  expect(students).toHaveLength(2)
  for (const student of students) {
    const { batch, accumulate, clip, averaging, ...unchanged } = student.settings
    const settings = {
      ...unchanged,
      batchSize: batch,
      gradientAccumulation: accumulate,
      maxGradientNorm: clip,
      emaDecay: averaging,
    } as unknown as TrainRequest['settings'] // the same settings under today's names
    const read = readCheckpoint(checkpointOf(student))
    if (!read.ok) throw new Error(read.sentence)
    const about = JSON.parse(read.checkpoint.about) as { key: string }

    expect(keyOf({ datasetId: student.datasetId, settings })).toBe(about.key)
  }
})

test('hashes every renamed setting under its name of version 0.1', () => {
  const { vocabulary: _, labelSmoothing: __, loss: ___, ...common } = SETTINGS
  const { batchSize, gradientAccumulation, maxGradientNorm, emaDecay, ...unchanged } = common
  const commonOf01 = {
    ...unchanged,
    batch: batchSize,
    accumulate: gradientAccumulation,
    clip: maxGradientNorm,
    averaging: emaDecay,
  }
  const { datasetId } = IDS
  const onPolicy = {
    loss: 'on-policy',
    divergence: 'forward-kl',
    lambda: 0.5,
    temperature: 1,
  } as const
  const rewards = { loss: 'grpo', temperature: 1, beta: 0.01 } as const

  expect(
    keyOf({
      datasetId,
      settings: {
        ...common,
        ...onPolicy,
        textWarmUp: 0.25,
        topK: 8,
        maxTokens: 24,
        samplingTemperature: 0.9,
      },
    }),
  ).toBe(
    hashOf([
      'student',
      datasetId,
      { ...commonOf01, ...onPolicy, ownFrom: 0.25, choices: 8, answerTokens: 24, answerTemperature: 0.9 },
    ]),
  )
  expect(
    keyOf({ datasetId, settings: { ...common, ...rewards, completionsPerPrompt: 4, maxTokens: 24 } }),
  ).toBe(hashOf(['student', datasetId, { ...commonOf01, ...rewards, answers: 4, answerTokens: 24 }]))
})

test('reads the counts of rows that version 0.1 stored', async () => {
  for (const student of students) {
    const stores = Object.assign(makeMemoryStores([]), { checkpoint: checkpointOf(student) })
    const stored = await readStoredStudent(stores, '' as ProjectId, student.id as StudentId) // ids that these stores ignore

    expect(stored?.about).toMatchObject({ truncatedRows: 6, skippedRows: 0, rngSeed: 7 })
  }
})

test('reads the base model of version 0.1, in which the built-in teacher had another name', async () => {
  const stores = makeStores()
  const model = await makeSmallModel()
  await keep(stores, 'teacher/model.gguf', model)
  const baseModel: BaseModel = {
    ...(await keep(stores, 'small.gguf', model)),
    source: { kind: 'built-in', url: 'teacher/model.gguf' },
  }
  await adapt(stores, baseModel, { steps: 1, evaluateEvery: 1 })
  const read = readCheckpoint(stores.checkpoint ?? new Uint8Array())
  if (!read.ok) throw new Error(read.sentence)
  const { adapts, ...about } = JSON.parse(read.checkpoint.about) as { adapts: BaseModel }
  const old = { ...about, adapts: { ...adapts, source: { ...adapts.source, kind: 'box' } } }
  stores.checkpoint = writeCheckpoint({ ...read.checkpoint, about: JSON.stringify(old) })

  const stored = await readStoredStudent(stores, IDS.projectId, IDS.studentId)
  expect(stored?.about.baseModel).toEqual(baseModel)
}, 120_000)
