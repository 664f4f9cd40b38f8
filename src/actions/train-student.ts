// Knows: how a student is trained: its record, its lock, its points as they come.
// Must not know: how a step of training works.
import { freshId, type DatasetId, type ProjectId, type StudentId } from '../domain/id.ts'
import type { Dataset } from '../domain/dataset.ts'
import { isSized, refOf, type Backend } from '../domain/model.ts'
import type { TeacherShare } from '../domain/trace.ts'
import {
  countParameters,
  goesOn,
  learnsAdapters,
  learnsClasses,
  learnsFromPairs,
  learnsFromProbabilities,
  learnsOnPolicy,
  needsTeacher,
  type AdaptedModel,
  type LossPoint,
  type Student,
  type LoraTrainSettings,
  type StudentSample,
  type StudentShape,
  type TrainSettings,
} from '../domain/student.ts'
import { faultOfAdapted } from '../pipeline/training/adapted-memory.ts'
import { findClasses } from '../pipeline/training/find-classes.ts'
import { shapeOf } from '../pipeline/training/presets.ts'
import { isAbort, RetortError, sentenceOf } from '../protocol/errors.ts'
import type { TrainOutcome, TrainRequest } from '../protocol/student.ts'
import { getDataset, listDatasetRows } from '../storage/datasets.ts'
import { withLock } from '../storage/locks.ts'
import { guardQuota } from '../storage/quota.ts'
import { getStudent, patchStudent, putStudent } from '../storage/students.ts'
import type { RunControl } from './control.ts'
import type { Machines } from './machines.ts'
import { tellProgress } from './tell-progress.ts'
import { askTeacher, type Asked } from './train/ask-teacher.ts'
import { withLentTeacher } from './train/lend-teacher.ts'
import { LiveTraining } from './train/live-training.ts'
import { StudentRecord } from './train/student-record.ts'
import { openShares, tellShares } from './train/teacher-shares.ts'

/** Entries of the part of a teacher's vocabulary that some hundred rows use, until it is known. */
const GUESSED_VOCABULARY = 2000

/** Live only; never stored. */
export interface TrainProgress {
  readonly studentId: StudentId
  readonly loss: TrainSettings['loss']
  readonly phase:
    | 'tracing'
    | 'tokenizer'
    | 'loading'
    | 'packing'
    | 'building'
    | 'resuming'
    | 'training'
    | 'paused'
  /** In words, for the status line. */
  readonly sentence: string
  /** Steps done and to do. */
  readonly step: number
  readonly steps: number
  /** The whole curve so far; the same array until a point is added. */
  readonly points: readonly LossPoint[]
  readonly samples: readonly StudentSample[]
  readonly tokensPerSecond: number
  readonly learningRate: number
  readonly gradientNorm: number
  /** Milliseconds for the rest; undefined until it can be told. */
  readonly msLeft?: number
  /** Step of the last checkpoint: what a reload goes back to. */
  readonly checkpointStep: number
  /** Known once the rows are packed. */
  readonly shape?: StudentShape
  readonly parameters?: number
  readonly cutRows: number
  readonly leftOutRows: number
  /** What happened to the training without anyone asking for it, as a sentence. */
  readonly note?: string
  /** What was found of the rows, in sentences. */
  readonly remarks?: readonly string[]
}

export interface TrainStudent {
  readonly projectId: ProjectId
  readonly datasetId: DatasetId
  readonly settings: TrainSettings
  readonly backend: Backend
  /** The student that it goes on from, where its loss does. */
  readonly base?: StudentId
  /** Where the imported model is that adapters are trained on, where its loss has some. */
  readonly adapts?: AdaptedModel['source']
  /** The teachers whose probabilities it learns from, where its loss wants some; absent: the loaded one. Those of weight 0 are left out. */
  readonly teachers?: readonly TeacherShare[]
}
export type TrainMachines = Pick<Machines, 'db' | 'student' | 'teacher' | 'now'>

/**
 * Stores a new student and trains it. Pause writes a checkpoint and waits; stop writes one and ends. A worker that dies, or loses
 * its graphics card, is gone on with from the last checkpoint by itself, once for every checkpoint; when it dies again before the next one, the
 * student is stored as `failed` and the error is thrown. Where the loss needs the teacher's probabilities, the loaded teacher is
 * asked for them first, once for a dataset; stored ones of other models can be learned from beside it. Throws `NotLoaded` where none is loaded then, `Busy` where another tab trains in this project.
 */
export async function* trainStudent(
  machines: TrainMachines,
  {
    projectId,
    datasetId,
    settings: asked,
    backend,
    base: baseId,
    adapts: place,
    teachers: chosen,
  }: TrainStudent,
  control: RunControl,
): AsyncGenerator<TrainProgress, Student> {
  return yield* carry(machines, projectId, control, async () => {
    const dataset = await getDataset(machines.db, projectId, datasetId)
    if (dataset === undefined)
      throw new RetortError(
        'StorageFailed',
        'This dataset is not stored any more. Freeze the run again, then train on it.',
      )
    const base = goesOn(asked)
      ? await needBase(machines, { dataset, pairs: learnsFromPairs(asked) }, baseId)
      : undefined
    const imported = learnsAdapters(asked)
      ? await needModel(machines, place, { settings: asked, backend })
      : undefined
    const settings = imported
      ? imported.settings
      : base
        ? { ...asked, preset: base.settings.preset, context: base.shape.context }
        : asked
    const teachers = learnsFromProbabilities(settings)
      ? await openShares(machines, settings, chosen)
      : undefined
    if (!teachers && needsTeacher(settings) && (await machines.teacher.describe(null)) === null)
      throw new RetortError(
        'NotLoaded',
        `This student learns from the teacher’s probabilities, and no teacher is loaded. Load one on the Teacher screen, or ${learnsClasses(settings) ? 'set the share of the teacher to 0' : 'train on the texts alone'}.`,
      )
    const classes = learnsClasses(settings) ? await needClasses(machines, dataset) : undefined
    const shape = base?.shape ??
      imported?.shape ?? {
        ...shapeOf(
          settings.preset,
          'vocabulary' in settings ? settings.vocabulary : GUESSED_VOCABULARY,
          settings.context,
        ),
        ...(classes ? { classes: classes.length } : {}),
      } // what it comes out as is told later
    const student: Student = {
      projectId,
      id: freshId('student'),
      datasetId,
      recipeHash: dataset.recipeHash,
      settings,
      shape,
      parameters: imported?.parameters ?? countParameters(shape),
      backend,
      status: 'training',
      startedAt: machines.now(),
      checkpointStep: 0,
      points: [],
      samples: [],
      cutRows: 0,
      leftOutRows: 0,
      ...(base ? { base: base.id } : {}),
      ...(teachers ? { teachers } : {}),
      ...(imported ? { adapts: imported.adapts } : {}),
      ...(classes ? { classes } : {}),
    }
    await guardQuota('The student', () => putStudent(machines.db, student))
    return student
  })
}

/** The classes of a dataset, or a sentence that says which rows are the trouble. */
async function needClasses({ db }: TrainMachines, { projectId, id }: Dataset): Promise<readonly string[]> {
  const found = findClasses(await listDatasetRows(db, projectId, id, 'train'))
  if (!found.ok)
    throw new RetortError('NotLoaded', found.problems[0]?.sentence ?? 'The rows have no classes.')
  return found.value.map(({ name }) => name)
}

/** The student to go on from, or a sentence that says what is missing. */
async function needBase(
  { db }: TrainMachines,
  { dataset: { pairs = 0, projectId }, pairs: needsPairs }: { dataset: Dataset; pairs: boolean },
  baseId: StudentId | undefined,
): Promise<Student> {
  if (needsPairs && pairs < 2)
    throw new RetortError(
      'NotLoaded',
      `This loss learns from pairs of answers, and this dataset has ${pairs === 0 ? 'none' : 'only one'}. Put the step “Pair the best with the worst” behind the judge, ask for several completions a prompt, run and freeze again.`,
    )
  const base = baseId === undefined ? undefined : await getStudent(db, projectId, baseId)
  if (base === undefined || base.checkpointStep === 0)
    throw new RetortError(
      'NotLoaded',
      'This loss goes on from a student that was trained before, and there is none. Train one on the texts first.',
    )
  if (base.classes)
    throw new RetortError(
      'NotLoaded',
      'The student to go on from answers with classes and writes nothing, and this loss learns from written answers. Choose one that was trained on the texts.',
    )
  return base
}

/** The model to lay adapters on, looked at before anything is stored, or a sentence that says why it cannot be. */
async function needModel(
  { teacher }: TrainMachines,
  source: AdaptedModel['source'] | undefined,
  { settings, backend }: { settings: LoraTrainSettings; backend: Backend },
): Promise<{ adapts: AdaptedModel; settings: LoraTrainSettings; shape: StudentShape; parameters: number }> {
  if (source === undefined)
    throw new RetortError(
      'NotLoaded',
      'This training fits a model that you have, and none is chosen. Keep one in this browser on the Teacher screen, or take the one in the box.',
    )
  const card = await teacher.inspect({ source })
  if (!isSized(card))
    throw new RetortError(
      'ModelRefused',
      `${card.name} does not say how large it is, so adapters cannot be laid on it. Choose a GGUF file.`,
    )
  const fitting = { ...settings, context: Math.min(settings.context, card.contextLength) }
  const fault = faultOfAdapted(card, fitting, backend)
  if (fault !== undefined) throw new RetortError('ModelRefused', fault)
  const { layers, width, vocabularySize: vocabulary, contextLength: context, parameters } = card
  // Heads and the inner width are told when its file is opened; a card does not have them.
  return {
    adapts: { source, model: refOf(card) },
    settings: fitting,
    shape: { layers, width, heads: 1, kvHeads: 1, feedForward: width, vocabulary, context },
    parameters,
  }
}

/** Goes on from the last checkpoint. Otherwise like `trainStudent`. */
export async function* resumeStudent(
  machines: TrainMachines,
  { projectId, studentId }: { projectId: ProjectId; studentId: StudentId },
  control: RunControl,
): AsyncGenerator<TrainProgress, Student> {
  return yield* carry(machines, projectId, control, async () => {
    if ((await getStudent(machines.db, projectId, studentId)) === undefined)
      throw new RetortError('StorageFailed', 'This student is not stored any more. Train a new one.')
    return patchStudent(machines.db, projectId, studentId, ({ why: _, ...student }) => ({
      ...student,
      status: 'training',
    }))
  })
}

async function* carry(
  machines: TrainMachines,
  projectId: ProjectId,
  control: RunControl,
  open: () => Promise<Student>,
): AsyncGenerator<TrainProgress, Student> {
  const since = new Date(machines.now()).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  return yield* tellProgress<TrainProgress, Student>(
    async (tell) => {
      const outcome = await withLock(
        `retort training ${projectId}`,
        `a tab that has had it in hand since ${since}`,
        async () => trainLocked(machines, await open(), control, tell),
      )
      if (!outcome.held)
        throw new RetortError(
          'Busy',
          `A training of this project is in the hands of ${outcome.holder}. Stop it there, or wait until it ends.`,
        )
      return outcome.value
    },
    () => control.stop(),
  )
}

async function trainLocked(
  machines: TrainMachines,
  student: Student,
  control: RunControl,
  tell: (progress: TrainProgress) => void,
): Promise<Student> {
  const { db } = machines
  const { projectId, id } = student
  const record = new StudentRecord((change) => patchStudent(db, projectId, id, change), student)
  const live = new LiveTraining(student, tell)
  const unwatch = control.onChange(() => {
    if (!control.stopped) record.soon({ status: control.paused ? 'paused' : 'training' })
  })
  try {
    const outcome = await trainThrough(machines, student, control, live, record)
    const facts =
      outcome === undefined
        ? { status: 'stopped' as const, why: 'Stopped by hand.' }
        : { status: 'trained' as const, endedAt: machines.now(), ...keptOf(outcome, student.settings.steps) }
    return await guardQuota('The student’s record', () => record.close(facts))
  } catch (thrown) {
    await record.close({ status: 'failed', why: sentenceOf(thrown) }).catch(() => undefined)
    throw thrown
  } finally {
    unwatch()
  }
}

/** Says which weights were kept, where they are not those of the last step that was asked for. */
function keptOf({ step, bestStep }: TrainOutcome, steps: number): { why?: string } {
  if (bestStep === undefined || bestStep === steps) return {}
  const ended = step < steps ? `Training ended early, at step ${step} of ${steps}. ` : ''
  return { why: `${ended}The held-out loss was lowest at step ${bestStep}: those weights are kept.` }
}

/** Trains through pauses and one death of the worker a checkpoint; undefined when stopped before the end. */
async function trainThrough(
  machines: TrainMachines,
  student: Student,
  control: RunControl,
  live: LiveTraining,
  record: StudentRecord,
): Promise<TrainOutcome | undefined> {
  const { projectId, id: studentId, datasetId, recipeHash, settings, backend, base, adapts } = student
  let diedAt: number | undefined
  let asked: Asked = student
  for (;;) {
    live.paused = control.paused
    await control.whenGoing()
    live.paused = false
    if (control.stopped) return undefined
    const { signal } = control
    try {
      asked = await askTeacher(
        machines,
        { ...student, ...asked },
        { signal, onAsked: (done, total) => live.askTeacher(done, total) },
      )
      const { trace, teacher: lender } = asked
      if (needsTeacher(settings))
        record.soon({
          ...(trace === undefined ? {} : { trace }),
          ...(asked.teachers ? { teachers: asked.teachers } : {}),
          ...(lender ? { teacher: lender } : {}),
        })
      const request: TrainRequest = {
        projectId,
        studentId,
        datasetId,
        recipeHash,
        settings,
        backend,
        ...tellShares(asked),
        ...(base === undefined ? {} : { base }),
        ...(adapts === undefined ? {} : { adapts }),
      }
      const train = (ends: AbortSignal, lent?: MessagePort): Promise<TrainOutcome> =>
        machines.student.train(lent ? { ...request, lent } : request, {
          signal: ends,
          onEvent: (event) => live.hear(event, record),
          ...(lent ? { transfer: [lent] } : {}),
        })
      const outcome =
        learnsOnPolicy(settings) && settings.lambda > 0 && trace !== undefined && lender !== undefined
          ? await withLentTeacher(
              machines.teacher,
              {
                projectId,
                datasetId,
                choices: settings.choices,
                temperature: settings.temperature,
                trace,
                teacher: lender,
              },
              signal,
              (lent, ends) => train(ends, lent),
            )
          : await train(signal)
      if (outcome.ending === 'finished') return outcome
      if (!signal.aborted)
        throw new RetortError(
          'Unexpected',
          `Training ended at step ${outcome.step} of ${settings.steps} without a reason. Go on from the last checkpoint.`,
        )
    } catch (thrown) {
      if (isAbort(thrown) && signal.aborted) continue
      const died =
        thrown instanceof RetortError && (thrown.name === 'WorkerDied' || thrown.name === 'DeviceLost')
      if (!died || diedAt === record.checkpointStep) throw thrown
      diedAt = record.checkpointStep
      live.note = `${thrown.name === 'DeviceLost' ? 'The browser lost the graphics card' : 'The student’s worker broke down'}. The training went on by itself ${diedAt > 0 ? `from the checkpoint of step ${diedAt}` : 'from the start'}.`
    }
  }
}
