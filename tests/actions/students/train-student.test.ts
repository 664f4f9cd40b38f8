// A student's record during training: the curve, pauses, stops, workers that die, resuming after a reload.
import { describe, expect, test, vi } from 'vitest'
import { RunControl } from '../../../src/actions/control.ts'
import { resumeStudent, trainStudent } from '../../../src/actions/students/train-student.ts'
import type { TrainProgress } from '../../../src/actions/train/train-progress.ts'
import { datasetId as nameOfRows } from '../../../src/domain/dataset.ts'
import type { DatasetId, ProjectId, StudentId } from '../../../src/domain/id.ts'
import { refOf } from '../../../src/domain/model-card.ts'
import type { SettingValues } from '../../../src/domain/settings.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import type { Served } from '../../../src/protocol/channel.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { CompletionSoftTargets } from '../../../src/protocol/lent-teacher.ts'
import type { StudentContract, TrainRequest } from '../../../src/protocol/student.ts'
import { getDataset, putDataset } from '../../../src/storage/datasets.ts'
import type { TeacherShare } from '../../../src/domain/soft-targets.ts'
import { readRecord, RECORDS } from '../../../src/storage/records.ts'
import { getStudent, listStudents, patchStudent } from '../../../src/storage/students.ts'
import { finish, makeMachines, type TestMachines } from '../../stand-ins/machines.ts'
import { borrowTeacher } from '../../../workers/student/borrowed-teacher.ts'
import { makeRows } from '../../workers/student/memory-stores.ts'
import { SMALL_TRAINING, storeSampleProject } from '../../stand-ins/sample-project.ts'
import { DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'

const STEPS = 12
const settings: TrainSettings = { ...SMALL_TRAINING, steps: STEPS, evaluateEvery: 4 }

/** A training with instant steps: a checkpoint every fourth step, and on abort. */
class TrainingStandIn implements Served<StudentContract> {
  /** The step at which each call started. */
  readonly startSteps: number[] = []
  readonly softTargets: (string | undefined)[] = []
  readonly baseModels: TrainRequest['baseModel'][] = []
  readonly teachers: TrainRequest['teachers'][] = []
  /** Ports on which a teacher responds. */
  readonly lent: MessagePort[] = []
  readonly checkpoints = new Map<string, number>()
  /** Workers that were killed: what ran in them stores nothing any more. */
  killed = 0
  beforeStep: (step: number) => unknown = () => undefined

  train: Served<StudentContract>['train'] = async (
    { studentId, settings: { steps }, softTargets, teachers, baseModel, lent }: TrainRequest,
    { signal, emit },
  ) => {
    const { killed } = this
    let step = this.checkpoints.get(studentId) ?? 0
    this.startSteps.push(step)
    this.softTargets.push(softTargets)
    this.teachers.push(teachers)
    this.baseModels.push(baseModel)
    if (lent) this.lent.push(lent)
    emit({
      kind: 'phase',
      phase: step > 0 ? 'resuming' : 'tokenizer',
      sentence: step > 0 ? `Resuming from the checkpoint at step ${step}.` : 'Learning a vocabulary.',
    })
    emit({
      kind: 'shape',
      shape: { layers: 2, width: 64, heads: 4, kvHeads: 2, feedForward: 128, vocabulary: 300, context: 64 },
      parameters: 99,
      truncatedRows: 1,
      skippedRows: 2,
    })
    const save = (): void => {
      this.checkpoints.set(studentId, step)
      emit({ kind: 'checkpoint', step })
    }
    while (step < steps) {
      await new Promise((resolve) => setTimeout(resolve))
      if (signal.aborted) {
        save()
        return { outcome: 'stopped', step }
      }
      const failure = await this.beforeStep(step + 1)
      if (killed !== this.killed) return new Promise<never>(() => undefined)
      if (failure instanceof Error) throw failure
      step += 1
      const evaluates = step % 4 === 0
      emit({
        kind: 'step',
        point: { step, train: 6 - step / 4, ...(evaluates ? { heldOut: 6.5 - step / 4 } : {}) },
        tokensPerSecond: 1000,
        learningRate: 0.001,
        gradientNorm: 1,
        msLeft: (steps - step) * 10,
      })
      if (evaluates) {
        save()
        emit({ kind: 'samples', samples: [{ step, prompt: 'a', text: `text of step ${step}` }] })
      }
    }
    return { outcome: 'finished', step }
  }
  complete: Served<StudentContract>['complete'] = async () => ({
    promptTokens: 0,
    sharedTokens: 0,
    newTokens: 0,
    ms: 0,
  })
  listSoftTargets: Served<StudentContract>['listSoftTargets'] = async () => []
  check: Served<StudentContract>['check'] = async () => ({ tried: 0, failed: 0, threads: 1 })
  export: Served<StudentContract>['export'] = async () => ({ files: [] })
}

async function begin(): Promise<{
  machines: TestMachines
  worker: TrainingStandIn
  projectId: ProjectId
  datasetId: DatasetId
}> {
  const worker = new TrainingStandIn()
  const made = await makeMachines({ student: worker })
  const machines: TestMachines = {
    ...made,
    kill: (which) => {
      if (which === 'student') worker.killed += 1
      made.kill(which)
    },
  }
  const { project, dataset, student } = await storeSampleProject(machines.db)
  await machines.db.delete('students', [project.id, student.id])
  return { machines, worker, projectId: project.id, datasetId: dataset.id }
}
const soft: TrainSettings = {
  ...softOf(settings),
  loss: 'forward-kl',
  temperature: 2,
  topK: 8,
  textShare: 0.1,
}
function softOf({ vocabulary: _, labelSmoothing: __, loss: ___, ...common }: typeof settings) {
  return common
}
const start = (
  { machines, projectId, datasetId }: Awaited<ReturnType<typeof begin>>,
  control = new RunControl(),
) => trainStudent(machines, { projectId, datasetId, settings, backend: 'wasm' }, control)

describe('training on soft targets', () => {
  const startSoft = (
    { machines, projectId, datasetId }: Awaited<ReturnType<typeof begin>>,
    control = new RunControl(),
  ) => trainStudent(machines, { projectId, datasetId, settings: soft, backend: 'wasm' }, control)

  test('computes the soft targets first, once, and reports progress', async () => {
    const all = await begin()
    const reports: TrainProgress[] = []
    all.machines.standIn.beforeSoftTargetRow = () => new Promise((resolve) => setTimeout(resolve, 120))
    const student = await finish(startSoft(all), (progress) => reports.push(progress))
    expect(student).toMatchObject({
      status: 'trained',
      softTargets: `${all.datasetId.slice(0, 8)}.trace`,
      settings: soft,
    })
    expect(all.machines.standIn.softTargetRequests).toEqual([
      { projectId: all.projectId, datasetId: all.datasetId, topK: 8, temperature: 2 },
    ])
    expect(reports.filter(({ phase }) => phase === 'soft-targets').map(({ sentence }) => sentence)).toContain(
      'Computing the teacher’s probabilities: 2 of 3 training rows.',
    )
    expect(all.worker.softTargets).toEqual([student.softTargets])
  })

  test('pauses and stops while soft targets are computed, and then computes only what is missing', async () => {
    const all = await begin()
    const control = new RunControl()
    const reports: TrainProgress[] = []
    all.machines.standIn.beforeSoftTargetRow = (row) =>
      row === 1 && all.machines.standIn.softTargetRequests.length === 1 && control.pause()
    const ending = finish(startSoft(all, control), (progress) => reports.push(progress))
    await vi.waitFor(() => expect(reports.at(-1)?.phase).toBe('paused'))
    all.worker.beforeStep = (step) => step === 6 && control.stop()
    control.resume()
    const stopped = await ending
    expect(stopped.status).toBe('stopped')
    expect(all.machines.standIn.softTargetRequests).toHaveLength(2)
    all.worker.beforeStep = () => undefined
    all.machines.standIn.loaded = false
    expect(
      await finish(
        resumeStudent(all.machines, { projectId: all.projectId, studentId: stopped.id }, new RunControl()),
      ),
    ).toMatchObject({ status: 'trained' })
    expect(all.machines.standIn.softTargetRequests).toHaveLength(2)
  })

  test('is refused without a loaded teacher before anything is stored', async () => {
    const all = await begin()
    all.machines.standIn.loaded = false
    await expect(finish(startSoft(all))).rejects.toMatchObject({
      name: 'NotLoaded',
      message: expect.stringMatching(
        /^This student learns from the teacher’s probabilities, but no teacher is loaded\. Load one/,
      ),
    })
    expect(await listStudents(all.machines.db, all.projectId)).toEqual([])
  })
})

test('a training that has nothing to reward leaves no student, and any other failure leaves one to resume', async () => {
  const all = await begin()
  all.worker.beforeStep = () => new RetortError('NothingToReward', '0 of 32 are right.')
  await expect(finish(start(all))).rejects.toMatchObject({ message: '0 of 32 are right.' })
  expect(await listStudents(all.machines.db, all.projectId)).toEqual([])
  all.worker.beforeStep = () => new RetortError('ModelRefused', 'Another reason.')
  await expect(finish(start(all))).rejects.toMatchObject({ message: 'Another reason.' })
  expect(await listStudents(all.machines.db, all.projectId)).toMatchObject([
    { status: 'failed', reason: 'Another reason.' },
  ])
})

describe('training of adapters', () => {
  const lora: TrainSettings = {
    ...softOf(settings),
    loss: 'lora',
    rank: 8,
    alpha: 16,
    projections: 'all',
  }
  const source = { kind: 'stored', name: 'stand-in.gguf' } as const
  const startLora = (
    { machines, projectId, datasetId }: Awaited<ReturnType<typeof begin>>,
    from?: typeof source,
    changes: SettingValues = {},
    control = new RunControl(),
  ) =>
    trainStudent(
      machines,
      {
        projectId,
        datasetId,
        settings: { ...lora, ...changes },
        backend: 'wasm',
        ...(from ? { baseModel: from } : {}),
      },
      control,
    )

  test('stores the base model and passes it to the worker again when it resumes', async () => {
    const all = await begin()
    const control = new RunControl()
    all.worker.beforeStep = (step) => step === 6 && control.stop()
    const stopped = await finish(startLora(all, source, { context: 2048 }, control))
    const baseModel = { source, model: refOf(DESCRIPTION.card) }
    expect(stopped).toMatchObject({
      status: 'stopped',
      baseModel,
      settings: { loss: 'lora', context: 2048 },
      parameters: 99,
    })
    all.worker.beforeStep = () => undefined
    expect(
      await finish(
        resumeStudent(all.machines, { projectId: all.projectId, studentId: stopped.id }, new RunControl()),
      ),
    ).toMatchObject({ status: 'trained', baseModel })
    expect(all.worker.baseModels).toEqual([baseModel, baseModel])
  })

  test('is refused without a model, without a chat template and without enough memory, before anything is stored', async () => {
    const all = await begin()
    await expect(finish(startLora(all))).rejects.toMatchObject({
      name: 'NoModelChosen',
      message: expect.stringMatching(
        /^This objective fine-tunes a model that you have, but none is chosen\. Store one/,
      ) as string,
    })
    let card = { ...DESCRIPTION.card, hasChatTemplate: false }
    all.machines.standIn.inspect = async () => card
    await expect(finish(startLora(all, source))).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/^Stand-in has no chat template/) as string,
    })
    card = { ...DESCRIPTION.card, parameters: 1_100_000_000, layers: 22, width: 2048, vocabularySize: 32_000 }
    await expect(finish(startLora(all, source))).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^Stand-in takes about \d\.\d GB for one row of 64 tokens, and WebAssembly has 4\. Choose a smaller model/,
      ) as string,
    })
    card = { ...DESCRIPTION.card, parameters: 134_515_008, layers: 30, width: 576, vocabularySize: 49_152 }
    await expect(finish(startLora(all, source, { batchSize: 32, context: 512 }))).rejects.toMatchObject({
      message: expect.stringMatching(
        /^Training Stand-in with a batch of 32 rows of 512 tokens takes about [\d.]+ GB, and WebAssembly has 4\. Raise the gradient accumulation/,
      ) as string,
    })
    expect(await listStudents(all.machines.db, all.projectId)).toEqual([])
  })
})

describe('on-policy training', () => {
  const own: TrainSettings = {
    ...softOf(settings),
    loss: 'on-policy',
    divergence: 'reverse-kl',
    lambda: 0.5,
    textWarmUp: 0.3,
    temperature: 2,
    topK: 8,
    maxTokens: 32,
    samplingTemperature: 1,
  }
  const startOwn = (
    { machines, projectId, datasetId }: Awaited<ReturnType<typeof begin>>,
    control = new RunControl(),
    over: SettingValues = {},
  ) =>
    trainStudent(machines, { projectId, datasetId, settings: { ...own, ...over }, backend: 'wasm' }, control)
  const teacherRef = refOf(DESCRIPTION.card)

  test('lends the teacher to the student’s worker until it ends, and stores which teacher it was', async () => {
    const all = await begin()
    const { standIn } = all.machines
    let received: readonly CompletionSoftTargets[] = []
    standIn.lentSoftTargets = async (completions) =>
      completions.map(({ tokens }) => ({
        topK: 8,
        ids: new Uint16Array(8 * tokens.length),
        probabilities: new Float32Array(9 * tokens.length).fill(0.5),
      }))
    all.worker.beforeStep = async (step) => {
      if (step !== 5) return
      expect(standIn.endedLoans).toBe(0)
      const borrowed = borrowTeacher(all.worker.lent.at(-1)!)
      received = await borrowed.computeSoftTargets(
        [{ system: '', prompt: 'a', tokens: Uint16Array.of(7, 8, 9) }],
        new AbortController().signal,
      )
    }
    const student = await finish(startOwn(all))
    expect(student).toMatchObject({
      status: 'trained',
      softTargets: `${all.datasetId.slice(0, 8)}.trace`,
      teacher: teacherRef,
      settings: own,
    })
    expect(received.map(({ ids }) => ids.length)).toEqual([24])
    expect(standIn.softTargetRequests).toHaveLength(1)
    expect(standIn.lent).toMatchObject([
      {
        projectId: all.projectId,
        datasetId: all.datasetId,
        topK: 8,
        temperature: 2,
        softTargets: student.softTargets,
        teacher: teacherRef,
      },
    ])
    await vi.waitFor(() => expect(standIn.endedLoans).toBe(1))
  })

  test('lends the teacher again after a pause, and does not lend it if λ = 0', async () => {
    const all = await begin()
    const control = new RunControl()
    all.worker.beforeStep = (step) => step === 6 && control.pause()
    const reports: TrainProgress[] = []
    const ending = finish(startOwn(all, control), (progress) => reports.push(progress))
    await vi.waitFor(() => expect(reports.at(-1)?.phase).toBe('paused'))
    await vi.waitFor(() => expect(all.machines.standIn.endedLoans).toBe(1))
    control.resume()
    expect((await ending).status).toBe('trained')
    expect(all.machines.standIn.lent).toHaveLength(2)
    expect(all.machines.standIn.softTargetRequests).toHaveLength(1)
    expect((await finish(startOwn(all, new RunControl(), { lambda: 0 }))).status).toBe('trained')
    expect(all.machines.standIn.lent).toHaveLength(2)
    expect(all.worker.lent).toHaveLength(2)
  })

  test('ends at its last checkpoint when the teacher’s worker dies, and resumes only with the same teacher', async () => {
    const all = await begin()
    const { standIn } = all.machines
    all.worker.beforeStep = (step) => {
      if (step === 7) all.machines.kill('teacher')
    }
    await expect(finish(startOwn(all))).rejects.toMatchObject({
      name: 'NotLoaded',
      message:
        'The teacher’s worker crashed while the student learned from it. Load the teacher again, then resume from the last checkpoint.',
    })
    const [failed] = await listStudents(all.machines.db, all.projectId)
    expect(failed).toMatchObject({ status: 'failed', teacher: teacherRef })
    expect(failed!.checkpointStep).toBeGreaterThanOrEqual(6)
    expect(all.worker.startSteps).toEqual([0])
    all.worker.beforeStep = () => undefined
    const resume = () =>
      finish(
        resumeStudent(all.machines, { projectId: all.projectId, studentId: failed!.id }, new RunControl()),
      )
    standIn.description = OTHER
    await expect(resume()).rejects.toMatchObject({
      name: 'ModelRefused',
      message: 'Other is another teacher.',
    })
    standIn.loaded = false
    await expect(resume()).rejects.toMatchObject({ name: 'NotLoaded' })
    expect(all.worker.startSteps).toEqual([0])
    standIn.loaded = true
    standIn.description = DESCRIPTION
    expect((await resume()).status).toBe('trained')
  })

  test('resumes automatically when the student’s worker dies, and lends the teacher again', async () => {
    const all = await begin()
    let deaths = 0
    all.worker.beforeStep = (step) => {
      if (step === 7 && deaths++ === 0) all.machines.kill('student')
    }
    expect((await finish(startOwn(all))).status).toBe('trained')
    expect(all.worker.startSteps).toHaveLength(2)
    expect(all.machines.standIn.lent).toHaveLength(2)
    await vi.waitFor(() => expect(all.machines.standIn.endedLoans).toBe(2))
  })

  test('is refused without a loaded teacher before anything is stored', async () => {
    const all = await begin()
    all.machines.standIn.loaded = false
    await expect(finish(startOwn(all))).rejects.toMatchObject({ name: 'NotLoaded' })
    expect(await listStudents(all.machines.db, all.projectId)).toEqual([])
  })
})

describe('training on classes', () => {
  const labels: TrainSettings = {
    ...settings,
    loss: 'classes',
    softShare: 0,
    temperature: 2,
    labelSmoothing: 0,
  }
  /** The rows of the sample project, labelled. */
  async function beginLabelled(
    nameOf = (i: number): string => (i % 2 === 0 ? 'yes' : 'no'),
  ): Promise<Awaited<ReturnType<typeof begin>>> {
    const all = await begin()
    const dataset = await getDataset(all.machines.db, all.projectId, all.datasetId)
    if (!dataset) throw new Error('the sample has no dataset')
    const rows = makeRows(8, 2).map((row, i) => ({ ...row, completion: nameOf(i) }))
    await putDataset(
      all.machines.db,
      { ...dataset, id: nameOfRows(rows), rows: { train: 8, heldOut: 2 } },
      rows,
    )
    return { ...all, datasetId: nameOfRows(rows) }
  }
  const startOn = (
    { machines, projectId, datasetId: id }: Awaited<ReturnType<typeof begin>>,
    trainSettings: TrainSettings,
    base?: StudentId,
  ) =>
    trainStudent(
      machines,
      { projectId, datasetId: id, settings: trainSettings, backend: 'wasm', ...(base ? { base } : {}) },
      new RunControl(),
    )

  test('needs no teacher for labels, and stores its classes at the start', async () => {
    const all = await beginLabelled()
    all.machines.standIn.loaded = false
    const student = await finish(startOn(all, labels))
    expect(student).toMatchObject({ status: 'trained', classes: ['no', 'yes'] })
    expect(all.worker.softTargets).toEqual([undefined])
  })

  test('computes class probabilities once, and is refused if no teacher is loaded', async () => {
    const all = await beginLabelled()
    const student = await finish(startOn(all, { ...labels, softShare: 0.5 }))
    expect(all.machines.standIn.classRequests).toEqual([
      { projectId: all.projectId, datasetId: all.datasetId, temperature: 2 },
    ])
    expect(all.worker.softTargets).toEqual([student.softTargets])
    all.machines.standIn.loaded = false
    await expect(finish(startOn(all, { ...labels, softShare: 0.5 }))).rejects.toThrow(
      'or set the share of the teacher to 0',
    )
  })

  test('is refused before anything is stored if rows have no classes, and cannot be a starting point', async () => {
    const none = await beginLabelled((i) => `text ${i}`)
    await expect(finish(startOn(none, labels))).rejects.toThrow(
      'are each the completion of only one training row',
    )
    expect(await listStudents(none.machines.db, none.projectId)).toEqual([])
    const all = await beginLabelled()
    const { id } = await finish(startOn(all, labels))
    const rewards: TrainSettings = {
      ...softOf(settings),
      loss: 'grpo',
      completionsPerPrompt: 2,
      maxTokens: 8,
      temperature: 1,
      beta: 0,
    }
    await expect(finish(startOn(all, rewards, id))).rejects.toThrow('is a classifier and generates no text')
  })
})

test('a teacher’s worker that dies while computing soft targets ends the training with a sentence about it', async () => {
  const all = await begin()
  all.machines.standIn.computeSoftTargets = () => {
    all.machines.kill('teacher')
    return new Promise(() => undefined)
  }
  const notes = new Set<string | undefined>()
  await expect(
    finish(
      trainStudent(
        all.machines,
        { projectId: all.projectId, datasetId: all.datasetId, settings: soft, backend: 'wasm' },
        new RunControl(),
      ),
      ({ note }) => notes.add(note),
    ),
  ).rejects.toMatchObject({
    name: 'NotLoaded',
    message:
      'The teacher’s worker crashed while computing token probabilities. Load the teacher again, then resume: what was computed so far is stored.',
  })
  expect([...notes]).toEqual([undefined])
  expect(all.worker.startSteps).toEqual([])
})

describe('training on several teachers', () => {
  const stored = {
    name: 'Stored',
    fingerprint: 'aa11bb22cc33dd44',
    weight: 1,
    softTargets: 'stored.trace',
  } as const
  const loaded = { name: 'Stand-in', fingerprint: '00000000000000aa', weight: 3 } as const
  const startWith = (
    { machines, projectId, datasetId }: Awaited<ReturnType<typeof begin>>,
    teachers: readonly TeacherShare[],
  ) =>
    trainStudent(
      machines,
      { projectId, datasetId, settings: soft, backend: 'wasm', teachers },
      new RunControl(),
    )

  test('computes missing soft targets with the loaded one, and stores all with their weights', async () => {
    const all = await begin()
    const student = await finish(startWith(all, [loaded, stored, { ...stored, name: 'Left out', weight: 0 }]))
    const softTargets = `${all.datasetId.slice(0, 8)}.trace`
    expect(student).toMatchObject({ status: 'trained', teachers: [{ ...loaded, softTargets }, stored] })
    expect(student.softTargets).toBeUndefined()
    expect(all.machines.standIn.softTargetRequests).toHaveLength(1)
    expect(all.worker.teachers).toEqual([
      [
        { softTargets, weight: 3 },
        { softTargets: 'stored.trace', weight: 1 },
      ],
    ])
    expect(readRecord(RECORDS.students, JSON.parse(JSON.stringify(student)))).toEqual({
      ok: true,
      record: student,
    })
  })

  test('needs no loaded teacher with a single stored one, and passes it to the worker as the only file', async () => {
    const all = await begin()
    all.machines.standIn.loaded = false
    expect(await finish(startWith(all, [stored, { ...loaded, weight: 0 }]))).toMatchObject({
      status: 'trained',
      teachers: [stored],
    })
    expect([all.worker.softTargets, all.worker.teachers, all.machines.standIn.softTargetRequests]).toEqual([
      ['stored.trace'],
      [undefined],
      [],
    ])
  })

  test('is refused if no weight is above 0, or if another teacher is loaded than required', async () => {
    const all = await begin()
    await expect(
      finish(
        startWith(all, [
          { ...stored, weight: 0 },
          { ...loaded, weight: 0 },
        ]),
      ),
    ).rejects.toMatchObject({
      name: 'NotLoaded',
      message: expect.stringMatching(/no teacher has a weight above 0\. Set the weight of one/),
    })
    await expect(
      finish(startWith(all, [stored, { ...loaded, name: 'Other', fingerprint: 'f'.repeat(16) }])),
    ).rejects.toMatchObject({
      name: 'NotLoaded',
      message: expect.stringMatching(/probabilities of Other, .* but Stand-in is loaded\. Load Other/),
    })
    expect(await listStudents(all.machines.db, all.projectId)).toEqual([])
  })

  test('uses the loaded teacher for a student stored without teachers', async () => {
    const all = await begin()
    all.worker.beforeStep = (step) => step === 2 && new RetortError('Unexpected', 'stop here')
    const failed = await finish(startWith(all, [loaded])).catch(() => undefined)
    expect(failed).toBeUndefined()
    const [student] = await listStudents(all.machines.db, all.projectId)
    await patchStudent(
      all.machines.db,
      all.projectId,
      student!.id,
      ({ teachers: _, softTargets: __, ...old }) => old,
    )
    all.worker.beforeStep = () => undefined
    expect(
      await finish(
        resumeStudent(all.machines, { projectId: all.projectId, studentId: student!.id }, new RunControl()),
      ),
    ).toMatchObject({ status: 'trained', softTargets: `${all.datasetId.slice(0, 8)}.trace` })
  })
})

describe('training on hidden states', () => {
  test('requests them if the widths match, and is refused before any request or write if they do not', async () => {
    const all = await begin()
    const settingsOf = (preset: 'nano' | 'huge'): TrainSettings => ({ ...soft, preset, hiddenShare: 1 })
    const startWith = (preset: 'nano' | 'huge') =>
      trainStudent(
        all.machines,
        { projectId: all.projectId, datasetId: all.datasetId, settings: settingsOf(preset), backend: 'wasm' },
        new RunControl(),
      )
    let width = 576
    all.machines.standIn.describe = async () => ({ ...DESCRIPTION, card: { ...DESCRIPTION.card, width } })
    await expect(finish(startWith('nano'))).rejects.toMatchObject({
      name: 'ModelRefused',
      message:
        'The hidden states of Stand-in have width 576, but those of a student of size “nano” have width 48; only equal widths can be compared. Choose the model size “huge”, which has width 576, or set “Hidden state loss weight” to 0.',
    })
    expect([
      all.machines.standIn.softTargetRequests,
      await listStudents(all.machines.db, all.projectId),
    ]).toEqual([[], []])
    expect(await finish(startWith('huge'))).toMatchObject({ status: 'trained' })
    expect(all.machines.standIn.softTargetRequests).toMatchObject([{ hidden: true, topK: 8 }])
    width = 200
    await expect(finish(startWith('huge'))).rejects.toMatchObject({
      message: expect.stringMatching(
        /No model size has width 200: set “Hidden state loss weight” to 0, or load a teacher of width 48, 96, 128, 192, 256, 384 or 576\.$/,
      ),
    })
  })
})

describe('training', () => {
  test('stores its curve, samples and shape, and reports them', async () => {
    const all = await begin()
    const reports: TrainProgress[] = []
    const student = await finish(start(all), (progress) => reports.push(progress))
    expect(student).toMatchObject({
      status: 'trained',
      checkpointStep: STEPS,
      shape: { vocabulary: 300 },
      truncatedRows: 1,
      skippedRows: 2,
      recipeHash: expect.any(String),
    })
    expect(student.points.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1))
    expect(student.samples.map(({ text }) => text)).toEqual([
      'text of step 4',
      'text of step 8',
      'text of step 12',
    ])
    expect(await listStudents(all.machines.db, all.projectId)).toEqual([student])
    expect(reports.at(-1)).toMatchObject({
      step: STEPS,
      steps: STEPS,
      phase: 'training',
      sentence: 'Training: step 12 of 12, loss 3.00, held out 3.50.',
      msLeft: 0,
      checkpointStep: STEPS,
    })
  })

  test('pauses with a checkpoint, resumes from it, and has every step once', async () => {
    const all = await begin()
    const control = new RunControl()
    all.worker.beforeStep = (step) => step === 6 && control.pause()
    const reports: TrainProgress[] = []
    const ending = finish(start(all, control), (progress) => reports.push(progress))
    await vi.waitFor(() =>
      expect(reports.at(-1)).toMatchObject({
        phase: 'paused',
        sentence: expect.stringMatching(/^Paused at step \d of 12; the checkpoint at step \d is stored\.$/),
      }),
    )
    expect((await listStudents(all.machines.db, all.projectId))[0]?.status).toBe('paused')
    control.resume()
    const student = await ending
    expect(student.status).toBe('trained')
    expect(all.worker.startSteps).toHaveLength(2)
    expect(all.worker.startSteps[1]).toBeGreaterThanOrEqual(5)
    expect(student.points.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1))
  })

  test('stops with a checkpoint and can be resumed later', async () => {
    const all = await begin()
    const control = new RunControl()
    all.worker.beforeStep = (step) => step === 7 && control.stop()
    const stopped = await finish(start(all, control))
    expect(stopped).toMatchObject({ status: 'stopped', reason: 'Stopped by hand.' })
    expect(stopped.checkpointStep).toBeGreaterThanOrEqual(6)
    all.worker.beforeStep = () => undefined
    const student = await finish(
      resumeStudent(all.machines, { projectId: all.projectId, studentId: stopped.id }, new RunControl()),
    )
    expect(student).toMatchObject({ status: 'trained', id: stopped.id })
    expect(student.reason).toBeUndefined()
    expect(student.points.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1))
  })

  test('resumes automatically from the last checkpoint when the worker dies', async () => {
    const all = await begin()
    let deaths = 0
    all.worker.beforeStep = (step) => {
      if (step === 7 && deaths++ === 0) all.machines.kill('student')
    }
    const notes = new Set<string | undefined>()
    const student = await finish(start(all), ({ note }) => notes.add(note))
    expect(student.status).toBe('trained')
    expect(all.worker.startSteps).toEqual([0, 4])
    expect(student.points.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1))
    expect([...notes]).toEqual([
      undefined,
      'The student’s worker crashed. Training resumed automatically from the checkpoint at step 4.',
    ])
  })

  test('resumes automatically in another worker when the graphics card is lost, and reports it', async () => {
    const all = await begin()
    let losses = 0
    all.worker.beforeStep = (step) =>
      step === 7 && losses++ === 0
        ? new RetortError('DeviceLost', 'The graphics card was lost while training.')
        : undefined
    const notes: (string | undefined)[] = []
    const student = await finish(start(all), ({ note }) => notes.push(note))
    expect(student.status).toBe('trained')
    expect(all.worker.startSteps).toEqual([0, 4])
    expect(notes.at(-1)).toBe(
      'The browser lost the graphics card. Training resumed automatically from the checkpoint at step 4.',
    )
  })

  test('fails with a sentence when the worker dies twice before a checkpoint, and can be resumed', async () => {
    const all = await begin()
    all.worker.beforeStep = (step) => step === 7 && all.machines.kill('student')
    await expect(finish(start(all))).rejects.toMatchObject({ name: 'WorkerDied' })
    const [failed] = await listStudents(all.machines.db, all.projectId)
    expect(failed).toMatchObject({
      status: 'failed',
      checkpointStep: 4,
      reason: expect.stringMatching(/Stored data is safe/),
    })
    expect(all.worker.startSteps).toEqual([0, 4])
    all.worker.beforeStep = () => undefined
    expect(
      await finish(
        resumeStudent(all.machines, { projectId: all.projectId, studentId: failed!.id }, new RunControl()),
      ),
    ).toMatchObject({ status: 'trained' })
  })

  test('does not resume automatically after another error', async () => {
    const all = await begin()
    all.worker.beforeStep = (step) =>
      step === 5 ? new RetortError('StorageFull', 'The checkpoint could not be stored.') : undefined
    await expect(finish(start(all))).rejects.toMatchObject({ name: 'StorageFull' })
    expect(all.worker.startSteps).toEqual([0])
    expect((await listStudents(all.machines.db, all.projectId))[0]).toMatchObject({
      status: 'failed',
      reason: 'The checkpoint could not be stored.',
    })
  })

  test('drops the points after the checkpoint when it resumes after a reload', async () => {
    const all = await begin()
    const { machines, worker, projectId } = all
    worker.beforeStep = (step) => (step === 12 ? new Promise(() => undefined) : undefined)
    const work = start(all)
    await work.next()
    const id = await vi.waitFor(async () => {
      const [student] = await listStudents(machines.db, projectId)
      expect(student?.checkpointStep).toBe(8)
      return student!.id
    })
    // The record after a write between two checkpoints.
    await patchStudent(machines.db, projectId, id, (stored) => ({
      ...stored,
      points: [
        ...stored.points.filter(({ step }) => step <= 8),
        { step: 9, train: 99 },
        { step: 10, train: 99 },
      ],
    }))
    const again = await makeMachines({ db: machines.db, student: worker })
    worker.beforeStep = () => undefined
    const student = await finish(resumeStudent(again, { projectId, studentId: id }, new RunControl()))
    expect(student.points.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1))
    expect(student.points.some(({ train }) => train === 99)).toBe(false)
    expect(student.samples.map(({ step }) => step)).toEqual([4, 8, 12])
  })

  test.each([
    [
      { loss: 'of-a-later-version' },
      /cannot be resumed here: this version does not know the training objective "of-a-later-version"/,
    ],
    [{ optimizer: 'shampoo' }, /the optimizer "shampoo"/],
    [{ schedule: 'staircase' }, /the schedule "staircase"/],
    [{ preset: 'giant' }, /the size "giant"/],
  ])('is not resumed by a version that does not know its settings: %o', async (later, sentence) => {
    const { machines, projectId, datasetId } = await begin()
    const trained = await finish(
      trainStudent(machines, { projectId, datasetId, settings, backend: 'wasm' }, new RunControl()),
    )
    await patchStudent(machines.db, projectId, trained.id, (student) => ({
      ...student,
      settings: { ...student.settings, ...(later as object) },
      status: 'stopped',
    }))
    await expect(
      finish(resumeStudent(machines, { projectId, studentId: trained.id }, new RunControl())),
    ).rejects.toMatchObject({ name: 'Unexpected', message: expect.stringMatching(sentence) })
    expect((await getStudent(machines.db, projectId, trained.id))?.status).toBe('stopped')
  })

  test('is refused with a sentence if the dataset or the student is gone', async () => {
    const { machines, projectId } = await begin()
    await expect(
      finish(
        trainStudent(
          machines,
          { projectId, datasetId: 'none' as DatasetId, settings, backend: 'wasm' },
          new RunControl(),
        ),
      ),
    ).rejects.toMatchObject({
      name: 'StorageFailed',
      message: expect.stringMatching(/dataset is no longer stored/),
    })
    await expect(
      finish(resumeStudent(machines, { projectId, studentId: 'none' as StudentId }, new RunControl())),
    ).rejects.toMatchObject({ name: 'StorageFailed' })
    expect(await getStudent(machines.db, projectId, 'none' as StudentId)).toBeUndefined()
  })
})
