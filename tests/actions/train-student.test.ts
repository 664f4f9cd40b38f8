// A student's record while it is trained: the curve as it comes, pauses, stops, workers that die, what a reload goes back to.
import { describe, expect, test, vi } from 'vitest'
import { RunControl } from '../../src/actions/control.ts'
import { resumeStudent, trainStudent, type TrainProgress } from '../../src/actions/train-student.ts'
import { datasetId as nameOfRows } from '../../src/domain/dataset.ts'
import type { DatasetId, ProjectId, StudentId } from '../../src/domain/id.ts'
import { refOf } from '../../src/domain/model.ts'
import type {
  LoraTrainSettings,
  OnPolicyTrainSettings,
  TextTrainSettings,
  TrainSettings,
} from '../../src/domain/student.ts'
import type { Served } from '../../src/protocol/channel.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { TracedAnswer } from '../../src/protocol/lent-teacher.ts'
import type { StudentContract, TrainRequest } from '../../src/protocol/student.ts'
import { getDataset, putDataset } from '../../src/storage/datasets.ts'
import type { TeacherShare } from '../../src/domain/trace.ts'
import { readRecord, RECORDS } from '../../src/storage/records.ts'
import { getStudent, listStudents, patchStudent } from '../../src/storage/students.ts'
import { finish, makeMachines, type TestMachines } from '../stand-ins/machines.ts'
import { borrowTeacher } from '../../workers/student/borrowed-teacher.ts'
import { makeRows } from '../workers/student/memory-stores.ts'
import { SMALL_TRAINING, storeSampleProject } from '../stand-ins/sample-project.ts'
import { DESCRIPTION, OTHER } from '../stand-ins/teacher.ts'

const STEPS = 12
const settings: TextTrainSettings = { ...SMALL_TRAINING, steps: STEPS, evaluateEvery: 4 }

/** A training whose steps take no time: a checkpoint every fourth step, and on abort. */
class TrainingStandIn implements Served<StudentContract> {
  readonly begun: number[] = []
  readonly traces: (string | undefined)[] = []
  readonly adapted: TrainRequest['adapts'][] = []
  readonly taught: TrainRequest['teachers'][] = []
  /** Ports on which a teacher answers. */
  readonly lent: MessagePort[] = []
  readonly checkpoints = new Map<string, number>()
  beforeStep: (step: number) => unknown = () => undefined

  train: Served<StudentContract>['train'] = async (
    { studentId, settings: { steps }, trace, teachers, adapts, lent }: TrainRequest,
    { signal, emit },
  ) => {
    let step = this.checkpoints.get(studentId) ?? 0
    this.begun.push(step)
    this.traces.push(trace)
    this.taught.push(teachers)
    this.adapted.push(adapts)
    if (lent) this.lent.push(lent)
    emit({
      kind: 'phase',
      phase: step > 0 ? 'resuming' : 'tokenizer',
      sentence: step > 0 ? `Going on from the checkpoint of step ${step}.` : 'Learning a vocabulary.',
    })
    emit({
      kind: 'shape',
      shape: { layers: 2, width: 64, heads: 4, kvHeads: 2, feedForward: 128, vocabulary: 300, context: 64 },
      parameters: 99,
      cutRows: 1,
      leftOutRows: 2,
    })
    const save = (): void => {
      this.checkpoints.set(studentId, step)
      emit({ kind: 'checkpoint', step })
    }
    while (step < steps) {
      await new Promise((resolve) => setTimeout(resolve))
      if (signal.aborted) {
        save()
        return { ending: 'stopped', step }
      }
      const mishap = await this.beforeStep(step + 1)
      if (mishap instanceof Error) throw mishap
      step += 1
      const looks = step % 4 === 0
      emit({
        kind: 'step',
        point: { step, train: 6 - step / 4, ...(looks ? { heldOut: 6.5 - step / 4 } : {}) },
        tokensPerSecond: 1000,
        learningRate: 0.001,
        gradientNorm: 1,
        msLeft: (steps - step) * 10,
      })
      if (looks) {
        save()
        emit({ kind: 'samples', samples: [{ step, prompt: 'a', text: `text of step ${step}` }] })
      }
    }
    return { ending: 'finished', step }
  }
  complete: Served<StudentContract>['complete'] = async () => ({
    promptTokens: 0,
    sharedTokens: 0,
    newTokens: 0,
    ms: 0,
  })
  listTraces: Served<StudentContract>['listTraces'] = async () => []
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
  const machines = await makeMachines({ student: worker })
  const { project, dataset, student } = await storeSampleProject(machines.db)
  await machines.db.delete('students', [project.id, student.id])
  return { machines, worker, projectId: project.id, datasetId: dataset.id }
}
const soft: TrainSettings = {
  ...softOf(settings),
  loss: 'forward-kl',
  temperature: 2,
  choices: 8,
  textShare: 0.1,
}
function softOf({ vocabulary: _, labelSmoothing: __, loss: ___, ...common }: typeof settings) {
  return common
}
const start = (
  { machines, projectId, datasetId }: Awaited<ReturnType<typeof begin>>,
  control = new RunControl(),
) => trainStudent(machines, { projectId, datasetId, settings, backend: 'wasm' }, control)

describe('a training on the teacher’s probabilities', () => {
  const startSoft = (
    { machines, projectId, datasetId }: Awaited<ReturnType<typeof begin>>,
    control = new RunControl(),
  ) => trainStudent(machines, { projectId, datasetId, settings: soft, backend: 'wasm' }, control)

  test('asks the teacher first, once, and tells how far it is', async () => {
    const all = await begin()
    const told: TrainProgress[] = []
    all.machines.standIn.beforeTrace = () => new Promise((resolve) => setTimeout(resolve, 120))
    const student = await finish(startSoft(all), (progress) => told.push(progress))
    expect(student).toMatchObject({
      status: 'trained',
      trace: `${all.datasetId.slice(0, 8)}.trace`,
      settings: soft,
    })
    expect(all.machines.standIn.traced).toEqual([
      { projectId: all.projectId, datasetId: all.datasetId, choices: 8, temperature: 2 },
    ])
    expect(told.filter(({ phase }) => phase === 'tracing').map(({ sentence }) => sentence)).toContain(
      'The teacher goes through the training rows: 2 of 3.',
    )
    expect(all.worker.traces).toEqual([student.trace])
  })

  test('is paused and stopped while the teacher is asked, and asks again only for what is not there', async () => {
    const all = await begin()
    const control = new RunControl()
    const told: TrainProgress[] = []
    all.machines.standIn.beforeTrace = (row) =>
      row === 1 && all.machines.standIn.traced.length === 1 && control.pause()
    const ending = finish(startSoft(all, control), (progress) => told.push(progress))
    await vi.waitFor(() => expect(told.at(-1)?.phase).toBe('paused'))
    all.worker.beforeStep = (step) => step === 6 && control.stop()
    control.resume()
    const stopped = await ending
    expect(stopped.status).toBe('stopped')
    expect(all.machines.standIn.traced).toHaveLength(2)
    all.worker.beforeStep = () => undefined
    all.machines.standIn.loaded = false
    expect(
      await finish(
        resumeStudent(all.machines, { projectId: all.projectId, studentId: stopped.id }, new RunControl()),
      ),
    ).toMatchObject({ status: 'trained' })
    expect(all.machines.standIn.traced).toHaveLength(2)
  })

  test('is refused without a loaded teacher, before anything is stored', async () => {
    const all = await begin()
    all.machines.standIn.loaded = false
    await expect(finish(startSoft(all))).rejects.toMatchObject({
      name: 'NotLoaded',
      message: expect.stringMatching(
        /^This student learns from the teacher’s probabilities, and no teacher is loaded\. Load one/,
      ),
    })
    expect(await listStudents(all.machines.db, all.projectId)).toEqual([])
  })
})

describe('a training of adapters', () => {
  const lora: LoraTrainSettings = {
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
    changes: Partial<LoraTrainSettings> = {},
    control = new RunControl(),
  ) =>
    trainStudent(
      machines,
      {
        projectId,
        datasetId,
        settings: { ...lora, ...changes },
        backend: 'wasm',
        ...(from ? { adapts: from } : {}),
      },
      control,
    )

  test('stores which model they lie on, and asks the worker for that one again when it goes on', async () => {
    const all = await begin()
    const control = new RunControl()
    all.worker.beforeStep = (step) => step === 6 && control.stop()
    const stopped = await finish(startLora(all, source, { context: 2048 }, control))
    const adapts = { source, model: refOf(DESCRIPTION.card) }
    expect(stopped).toMatchObject({
      status: 'stopped',
      adapts,
      settings: { loss: 'lora', context: 2048 },
      parameters: 99,
    })
    all.worker.beforeStep = () => undefined
    expect(
      await finish(
        resumeStudent(all.machines, { projectId: all.projectId, studentId: stopped.id }, new RunControl()),
      ),
    ).toMatchObject({ status: 'trained', adapts })
    expect(all.worker.adapted).toEqual([adapts, adapts])
  })

  test('is refused without a model, with one that cannot chat and with one that does not fit, before anything is stored', async () => {
    const all = await begin()
    await expect(finish(startLora(all))).rejects.toMatchObject({
      name: 'NotLoaded',
      message: expect.stringMatching(
        /^This training fits a model that you have, and none is chosen\. Keep one/,
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
        /^Stand-in takes about \d\.\d GB for one row of 64 tokens, and wasm has 4\. Choose a smaller model/,
      ) as string,
    })
    card = { ...DESCRIPTION.card, parameters: 134_515_008, layers: 30, width: 576, vocabularySize: 49_152 }
    await expect(finish(startLora(all, source, { batch: 32, context: 512 }))).rejects.toMatchObject({
      message: expect.stringMatching(
        /^Training Stand-in at 32 rows of 512 tokens takes about [\d.]+ GB, and wasm has 4\. Take the rows in more parts/,
      ) as string,
    })
    expect(await listStudents(all.machines.db, all.projectId)).toEqual([])
  })
})

describe('a training on own answers', () => {
  const own: TrainSettings = {
    ...softOf(settings),
    loss: 'on-policy',
    divergence: 'reverse-kl',
    lambda: 0.5,
    ownFrom: 0.3,
    temperature: 2,
    choices: 8,
    answerTokens: 32,
    answerTemperature: 1,
  }
  const startOwn = (
    { machines, projectId, datasetId }: Awaited<ReturnType<typeof begin>>,
    control = new RunControl(),
    over: Partial<OnPolicyTrainSettings> = {},
  ) =>
    trainStudent(machines, { projectId, datasetId, settings: { ...own, ...over }, backend: 'wasm' }, control)
  const teacherRef = refOf(DESCRIPTION.card)

  test('lends the teacher to the student’s worker for as long as it lasts, and keeps whose it is', async () => {
    const all = await begin()
    const { standIn } = all.machines
    let said: readonly TracedAnswer[] = []
    standIn.traceAnswers = async (answers) =>
      answers.map(({ tokens }) => ({
        choices: 8,
        ids: new Uint16Array(8 * tokens.length),
        probabilities: new Float32Array(9 * tokens.length).fill(0.5),
      }))
    all.worker.beforeStep = async (step) => {
      if (step !== 5) return
      expect(standIn.takenBack).toBe(0)
      const borrowed = borrowTeacher(all.worker.lent.at(-1)!)
      said = await borrowed.trace(
        [{ system: '', prompt: 'a', tokens: Uint16Array.of(7, 8, 9) }],
        new AbortController().signal,
      )
    }
    const student = await finish(startOwn(all))
    expect(student).toMatchObject({
      status: 'trained',
      trace: `${all.datasetId.slice(0, 8)}.trace`,
      teacher: teacherRef,
      settings: own,
    })
    expect(said.map(({ ids }) => ids.length)).toEqual([24])
    expect(standIn.traced).toHaveLength(1)
    expect(standIn.lent).toMatchObject([
      {
        projectId: all.projectId,
        datasetId: all.datasetId,
        choices: 8,
        temperature: 2,
        trace: student.trace,
        teacher: teacherRef,
      },
    ])
    await vi.waitFor(() => expect(standIn.takenBack).toBe(1))
  })

  test('is paused and resumed with the teacher lent anew; with λ = 0 it is not lent at all', async () => {
    const all = await begin()
    const control = new RunControl()
    all.worker.beforeStep = (step) => step === 6 && control.pause()
    const told: TrainProgress[] = []
    const ending = finish(startOwn(all, control), (progress) => told.push(progress))
    await vi.waitFor(() => expect(told.at(-1)?.phase).toBe('paused'))
    await vi.waitFor(() => expect(all.machines.standIn.takenBack).toBe(1))
    control.resume()
    expect((await ending).status).toBe('trained')
    expect(all.machines.standIn.lent).toHaveLength(2)
    expect(all.machines.standIn.traced).toHaveLength(1)
    expect((await finish(startOwn(all, new RunControl(), { lambda: 0 }))).status).toBe('trained')
    expect(all.machines.standIn.lent).toHaveLength(2)
    expect(all.worker.lent).toHaveLength(2)
  })

  test('whose teacher’s worker dies ends with a sentence at its last checkpoint, and goes on with the same teacher only', async () => {
    const all = await begin()
    const { standIn } = all.machines
    all.worker.beforeStep = (step) => {
      if (step === 7) all.machines.kill('teacher')
    }
    await expect(finish(startOwn(all))).rejects.toMatchObject({
      name: 'NotLoaded',
      message:
        'The teacher’s worker broke down while the student learned from it. Load the teacher again, then go on from the last checkpoint.',
    })
    const [failed] = await listStudents(all.machines.db, all.projectId)
    expect(failed).toMatchObject({ status: 'failed', teacher: teacherRef })
    expect(failed!.checkpointStep).toBeGreaterThanOrEqual(6)
    expect(all.worker.begun).toEqual([0])
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
    expect(all.worker.begun).toEqual([0])
    standIn.loaded = true
    standIn.description = DESCRIPTION
    expect((await resume()).status).toBe('trained')
  })

  test('goes on by itself where the student’s worker dies, with the teacher lent anew', async () => {
    const all = await begin()
    let deaths = 0
    all.worker.beforeStep = (step) => {
      if (step === 7 && deaths++ === 0) all.machines.kill('student')
    }
    expect((await finish(startOwn(all))).status).toBe('trained')
    expect(all.worker.begun).toHaveLength(2)
    expect(all.machines.standIn.lent).toHaveLength(2)
    await vi.waitFor(() => expect(all.machines.standIn.takenBack).toBe(2))
  })

  test('is refused without a loaded teacher, before anything is stored', async () => {
    const all = await begin()
    all.machines.standIn.loaded = false
    await expect(finish(startOwn(all))).rejects.toMatchObject({ name: 'NotLoaded' })
    expect(await listStudents(all.machines.db, all.projectId)).toEqual([])
  })
})

describe('a training on classes', () => {
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
    asked: TrainSettings,
    base?: StudentId,
  ) =>
    trainStudent(
      machines,
      { projectId, datasetId: id, settings: asked, backend: 'wasm', ...(base ? { base } : {}) },
      new RunControl(),
    )

  test('needs no teacher for its labels, and knows its classes from the first moment', async () => {
    const all = await beginLabelled()
    all.machines.standIn.loaded = false
    const student = await finish(startOn(all, labels))
    expect(student).toMatchObject({ status: 'trained', classes: ['no', 'yes'] })
    expect(all.worker.traces).toEqual([undefined])
  })

  test('asks the teacher once for its shares, and is refused where none is loaded', async () => {
    const all = await beginLabelled()
    const student = await finish(startOn(all, { ...labels, softShare: 0.5 }))
    expect(all.machines.standIn.classesTraced).toEqual([
      { projectId: all.projectId, datasetId: all.datasetId, temperature: 2 },
    ])
    expect(all.worker.traces).toEqual([student.trace])
    all.machines.standIn.loaded = false
    await expect(finish(startOn(all, { ...labels, softShare: 0.5 }))).rejects.toThrow(
      'or set the share of the teacher to 0',
    )
  })

  test('is refused before anything is stored where rows have no classes, and is nothing to go on from', async () => {
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
      answers: 2,
      answerTokens: 8,
      temperature: 1,
      beta: 0,
    }
    await expect(finish(startOn(all, rewards, id))).rejects.toThrow('answers with classes and writes nothing')
  })
})

test('a teacher whose worker dies while it is asked ends the training with a sentence about it, and not about the student’s worker', async () => {
  const all = await begin()
  all.machines.standIn.trace = () => {
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
      'The teacher’s worker broke down while it was asked. Load the teacher again, then go on: what it has said so far is stored.',
  })
  expect([...notes]).toEqual([undefined])
  expect(all.worker.begun).toEqual([])
})

describe('a training on several teachers', () => {
  const stored = {
    name: 'Stored',
    fingerprint: 'aa11bb22cc33dd44',
    weight: 1,
    trace: 'stored.trace',
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

  test('asks the loaded one for what is not stored, and the record keeps them all with their weights', async () => {
    const all = await begin()
    const student = await finish(startWith(all, [loaded, stored, { ...stored, name: 'Left out', weight: 0 }]))
    const trace = `${all.datasetId.slice(0, 8)}.trace`
    expect(student).toMatchObject({ status: 'trained', teachers: [{ ...loaded, trace }, stored] })
    expect(student.trace).toBeUndefined()
    expect(all.machines.standIn.traced).toHaveLength(1)
    expect(all.worker.taught).toEqual([
      [
        { trace, weight: 3 },
        { trace: 'stored.trace', weight: 1 },
      ],
    ])
    expect(readRecord(RECORDS.students, JSON.parse(JSON.stringify(student)))).toEqual({
      ok: true,
      record: student,
    })
  })

  test('with a stored one alone needs none loaded, and is told to the worker as ever', async () => {
    const all = await begin()
    all.machines.standIn.loaded = false
    expect(await finish(startWith(all, [stored, { ...loaded, weight: 0 }]))).toMatchObject({
      status: 'trained',
      teachers: [stored],
    })
    expect([all.worker.traces, all.worker.taught, all.machines.standIn.traced]).toEqual([
      ['stored.trace'],
      [undefined],
      [],
    ])
  })

  test('is refused where no weight is above 0, and where another one is loaded than has to be asked', async () => {
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
      message: expect.stringMatching(/no teacher has a weight above 0\. Give one a weight/),
    })
    await expect(
      finish(startWith(all, [stored, { ...loaded, name: 'Other', fingerprint: 'f'.repeat(16) }])),
    ).rejects.toMatchObject({
      name: 'NotLoaded',
      message: expect.stringMatching(/probabilities of Other, .* and Stand-in is loaded\. Load Other/),
    })
    expect(await listStudents(all.machines.db, all.projectId)).toEqual([])
  })

  test('that was begun before students named their teachers asks the loaded one', async () => {
    const all = await begin()
    all.worker.beforeStep = (step) => step === 2 && new RetortError('Unexpected', 'stop here')
    const failed = await finish(startWith(all, [loaded])).catch(() => undefined)
    expect(failed).toBeUndefined()
    const [student] = await listStudents(all.machines.db, all.projectId)
    await patchStudent(
      all.machines.db,
      all.projectId,
      student!.id,
      ({ teachers: _, trace: __, ...old }) => old,
    )
    all.worker.beforeStep = () => undefined
    expect(
      await finish(
        resumeStudent(all.machines, { projectId: all.projectId, studentId: student!.id }, new RunControl()),
      ),
    ).toMatchObject({ status: 'trained', trace: `${all.datasetId.slice(0, 8)}.trace` })
  })
})

describe('a training on hidden states', () => {
  test('asks for them where widths are alike, and is refused before anything is asked or stored where they are not', async () => {
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
        'The hidden states of Stand-in are 576 wide and those of a student of size “nano” 48; only states of one width can be compared. Choose the size “huge”, which is 576 wide, or set the weight of the hidden states to 0.',
    })
    expect([all.machines.standIn.traced, await listStudents(all.machines.db, all.projectId)]).toEqual([
      [],
      [],
    ])
    expect(await finish(startWith('huge'))).toMatchObject({ status: 'trained' })
    expect(all.machines.standIn.traced).toMatchObject([{ hidden: true, choices: 8 }])
    width = 200
    await expect(finish(startWith('huge'))).rejects.toMatchObject({
      message: expect.stringMatching(
        /No size is 200 wide: set the weight of the hidden states to 0, or take a teacher that is 48, 96, 128, 192, 256, 384 or 576 wide\.$/,
      ),
    })
  })
})

describe('a training', () => {
  test('stores its curve, samples and shape, and tells them on the way', async () => {
    const all = await begin()
    const told: TrainProgress[] = []
    const student = await finish(start(all), (progress) => told.push(progress))
    expect(student).toMatchObject({
      status: 'trained',
      checkpointStep: STEPS,
      shape: { vocabulary: 300 },
      cutRows: 1,
      leftOutRows: 2,
      recipeHash: expect.any(String),
    })
    expect(student.points.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1))
    expect(student.samples.map(({ text }) => text)).toEqual([
      'text of step 4',
      'text of step 8',
      'text of step 12',
    ])
    expect(await listStudents(all.machines.db, all.projectId)).toEqual([student])
    expect(told.at(-1)).toMatchObject({
      step: STEPS,
      steps: STEPS,
      phase: 'training',
      sentence: 'Training: step 12 of 12, loss 3.00, held out 3.50.',
      msLeft: 0,
      checkpointStep: STEPS,
    })
  })

  test('is paused with a checkpoint, resumed from it, and has every step once', async () => {
    const all = await begin()
    const control = new RunControl()
    all.worker.beforeStep = (step) => step === 6 && control.pause()
    const told: TrainProgress[] = []
    const ending = finish(start(all, control), (progress) => told.push(progress))
    await vi.waitFor(() =>
      expect(told.at(-1)).toMatchObject({
        phase: 'paused',
        sentence: expect.stringMatching(/^Paused at step \d of 12; the checkpoint of step \d is stored\.$/),
      }),
    )
    expect((await listStudents(all.machines.db, all.projectId))[0]?.status).toBe('paused')
    control.resume()
    const student = await ending
    expect(student.status).toBe('trained')
    expect(all.worker.begun).toHaveLength(2)
    expect(all.worker.begun[1]).toBeGreaterThanOrEqual(5)
    expect(student.points.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1))
  })

  test('is stopped with a checkpoint and gone on with later', async () => {
    const all = await begin()
    const control = new RunControl()
    all.worker.beforeStep = (step) => step === 7 && control.stop()
    const stopped = await finish(start(all, control))
    expect(stopped).toMatchObject({ status: 'stopped', why: 'Stopped by hand.' })
    expect(stopped.checkpointStep).toBeGreaterThanOrEqual(6)
    all.worker.beforeStep = () => undefined
    const student = await finish(
      resumeStudent(all.machines, { projectId: all.projectId, studentId: stopped.id }, new RunControl()),
    )
    expect(student).toMatchObject({ status: 'trained', id: stopped.id })
    expect(student.why).toBeUndefined()
    expect(student.points.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1))
  })

  test('whose worker dies goes on by itself from the last checkpoint', async () => {
    const all = await begin()
    let deaths = 0
    all.worker.beforeStep = (step) => {
      if (step === 7 && deaths++ === 0) all.machines.kill('student')
    }
    const notes = new Set<string | undefined>()
    const student = await finish(start(all), ({ note }) => notes.add(note))
    expect(student.status).toBe('trained')
    expect(all.worker.begun).toEqual([0, 4])
    expect(student.points.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1))
    expect([...notes]).toEqual([
      undefined,
      'The student’s worker broke down. The training went on by itself from the checkpoint of step 4.',
    ])
  })

  test('whose graphics card is lost goes on by itself in another worker, and says so', async () => {
    const all = await begin()
    let losses = 0
    all.worker.beforeStep = (step) =>
      step === 7 && losses++ === 0
        ? new RetortError('DeviceLost', 'The GPU was lost while training.')
        : undefined
    const notes: (string | undefined)[] = []
    const student = await finish(start(all), ({ note }) => notes.push(note))
    expect(student.status).toBe('trained')
    expect(all.worker.begun).toEqual([0, 4])
    expect(notes.at(-1)).toBe(
      'The browser lost the graphics card. The training went on by itself from the checkpoint of step 4.',
    )
  })

  test('whose worker dies twice before the next checkpoint ends with a sentence and can be gone on with', async () => {
    const all = await begin()
    all.worker.beforeStep = (step) => step === 7 && all.machines.kill('student')
    await expect(finish(start(all))).rejects.toMatchObject({ name: 'WorkerDied' })
    const [failed] = await listStudents(all.machines.db, all.projectId)
    expect(failed).toMatchObject({
      status: 'failed',
      checkpointStep: 4,
      why: expect.stringMatching(/What was stored is safe/),
    })
    expect(all.worker.begun).toEqual([0, 4])
    all.worker.beforeStep = () => undefined
    expect(
      await finish(
        resumeStudent(all.machines, { projectId: all.projectId, studentId: failed!.id }, new RunControl()),
      ),
    ).toMatchObject({ status: 'trained' })
  })

  test('that fails for another reason is not begun again by itself', async () => {
    const all = await begin()
    all.worker.beforeStep = (step) =>
      step === 5 ? new RetortError('StorageFull', 'The checkpoint could not be stored.') : undefined
    await expect(finish(start(all))).rejects.toMatchObject({ name: 'StorageFull' })
    expect(all.worker.begun).toEqual([0])
    expect((await listStudents(all.machines.db, all.projectId))[0]).toMatchObject({
      status: 'failed',
      why: 'The checkpoint could not be stored.',
    })
  })

  test('that was cut off by a reload drops the points after the checkpoint when it goes on', async () => {
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
    // As a write between two checkpoints leaves it.
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

  test('on a dataset or a student that is gone is refused with a sentence', async () => {
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
      message: expect.stringMatching(/dataset is not stored any more/),
    })
    await expect(
      finish(resumeStudent(machines, { projectId, studentId: 'none' as StudentId }, new RunControl())),
    ).rejects.toMatchObject({ name: 'StorageFailed' })
    expect(await getStudent(machines.db, projectId, 'none' as StudentId)).toBeUndefined()
  })
})
