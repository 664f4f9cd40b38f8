// Knows: how a student is trained: its record, its lock, its progress.
// Must not know: how a step of training works.
import type { ChatFormat } from '../../domain/chat-format.ts'
import { freshId, type DatasetId, type ProjectId, type StudentId } from '../../domain/id.ts'
import type { Backend } from '../../domain/machine.ts'
import type { TeacherShare } from '../../domain/soft-targets.ts'
import { countParameters, type BaseModel, type Student, type TrainSettings } from '../../domain/student.ts'
import { findUnknownName } from '../../pipeline/training/check-settings.ts'
import { lossOf, planOf } from '../../pipeline/training/index.ts'
import { describeNoTeacher } from '../../pipeline/training/refuse-training.ts'
import { shapeOf } from '../../pipeline/training/presets.ts'
import { RetortError, sentenceOf } from '../../protocol/errors.ts'
import type { TrainOutcome } from '../../protocol/student.ts'
import { getDataset } from '../../storage/datasets.ts'
import { trainingLock, withLock } from '../../storage/locks.ts'
import { guardQuota } from '../../storage/quota.ts'
import { deleteStudent, getStudent, patchStudent, putStudent } from '../../storage/students.ts'
import type { RunControl } from '../control.ts'
import type { Machines } from '../machines.ts'
import { streamProgress } from '../stream-progress.ts'
import { LiveTraining } from '../train/live-training.ts'
import { StudentRecord } from '../train/student-record.ts'
import { readRowFacts } from '../train/read-row-facts.ts'
import { requireBaseModel, requireStart } from '../train/require-start.ts'
import { openShares } from '../train/teacher-shares.ts'
import type { TrainProgress } from '../train/train-progress.ts'
import { trainWithRetries } from '../train/train-with-retries.ts'

/** Vocabulary entries that some hundred rows use of a teacher's vocabulary, until the number is known. */
const GUESSED_VOCABULARY = 2000

export interface TrainStudent {
  readonly projectId: ProjectId
  readonly datasetId: DatasetId
  readonly settings: TrainSettings
  readonly backend: Backend
  /** The student that training starts from, if its loss needs one. */
  readonly base?: StudentId
  /** The source of the imported model, if its loss trains adapters. */
  readonly baseModel?: BaseModel['source']
  /** In place of the imported model's own chat template. */
  readonly chatFormat?: ChatFormat
  /** The teachers whose soft targets it learns from, if its loss needs some; absent: the loaded one. Those with weight 0 are skipped. */
  readonly teachers?: readonly TeacherShare[]
}
export type TrainMachines = Pick<Machines, 'db' | 'student' | 'teacher' | 'now'>

/**
 * Stores a new student and trains it. Pause writes a checkpoint and waits; stop writes one and ends. If the worker dies or loses
 * its graphics card, training resumes automatically from the last checkpoint, once per checkpoint; if it dies again before the next
 * one, the student is stored as `failed` and the error is thrown. If the loss needs soft targets, the loaded teacher computes them
 * first, once per dataset; stored ones of other models can be added. Throws `NotLoaded` if no teacher is loaded then, `Busy` if
 * another tab trains in this project, `NothingToReward` if GRPO finds no right completion before its first step: then no student is stored.
 */
export async function* trainStudent(
  machines: TrainMachines,
  {
    projectId,
    datasetId,
    settings: requested,
    backend,
    base: baseId,
    baseModel: source,
    chatFormat,
    teachers: chosen,
  }: TrainStudent,
  control: RunControl,
): AsyncGenerator<TrainProgress, Student> {
  return yield* trainWithLock(machines, projectId, control, async () => {
    const dataset = await getDataset(machines.db, projectId, datasetId)
    if (dataset === undefined)
      throw new RetortError(
        'StorageFailed',
        'This dataset is no longer stored. Freeze the run again, then train on it.',
      )
    const { startsFrom, rows: rowKind } = lossOf(requested)
    const base =
      startsFrom === 'student' && baseId !== undefined
        ? await getStudent(machines.db, projectId, baseId)
        : undefined
    const rows = await readRowFacts(machines.db, dataset)
    requireStart(requested, {
      rows,
      base,
      ...(source === undefined ? {} : { model: { card: undefined } }),
      backend,
      // Its own checks follow: they name the teacher that is missing.
      teacherLoaded: true,
      storedTeachers: 0,
    })
    const imported =
      startsFrom === 'model' && source !== undefined
        ? await requireBaseModel(machines, source, { settings: requested, backend, chatFormat })
        : undefined
    const settings = imported
      ? imported.settings
      : base
        ? { ...requested, preset: base.settings.preset, context: base.shape.context }
        : requested
    const { teacher: need, vocabulary = GUESSED_VOCABULARY } = planOf(settings)
    const teachers =
      need?.kind === 'before'
        ? await openShares(machines, { ...need, preset: settings.preset }, chosen)
        : undefined
    if (!teachers && need && (await machines.teacher.describe(null)) === null)
      throw new RetortError('NotLoaded', describeNoTeacher(need))
    const classes =
      rowKind === 'labels' && rows.classes?.ok ? rows.classes.value.map(({ name }) => name) : undefined
    const shape = base?.shape ??
      imported?.shape ?? {
        ...shapeOf(settings.preset, vocabulary, settings.context),
        ...(classes ? { classes: classes.length } : {}),
      } // the worker reports the final shape later
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
      truncatedRows: 0,
      skippedRows: 0,
      ...(base ? { base: base.id } : {}),
      ...(teachers ? { teachers } : {}),
      ...(imported ? { baseModel: imported.baseModel } : {}),
      ...(classes ? { classes } : {}),
    }
    await guardQuota('The student', () => putStudent(machines.db, student))
    return student
  })
}

/** Resumes from the last checkpoint. Otherwise like `trainStudent`. */
export async function* resumeStudent(
  machines: TrainMachines,
  { projectId, studentId }: { projectId: ProjectId; studentId: StudentId },
  control: RunControl,
): AsyncGenerator<TrainProgress, Student> {
  return yield* trainWithLock(machines, projectId, control, async () => {
    const stored = await getStudent(machines.db, projectId, studentId)
    if (stored === undefined)
      throw new RetortError('StorageFailed', 'This student is no longer stored. Train a new one.')
    const unknown = findUnknownName(stored.settings)
    if (unknown !== undefined)
      throw new RetortError(
        'Unexpected',
        `This training cannot be resumed here: ${unknown}. Resume it in the version of Retort that started it, or train a new student.`,
      )
    return patchStudent(machines.db, projectId, studentId, ({ reason: _, ...student }) => ({
      ...student,
      status: 'training',
    }))
  })
}

async function* trainWithLock(
  machines: TrainMachines,
  projectId: ProjectId,
  control: RunControl,
  open: () => Promise<Student>,
): AsyncGenerator<TrainProgress, Student> {
  const since = new Date(machines.now()).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  return yield* streamProgress<TrainProgress, Student>(
    async (report) => {
      const outcome = await withLock(
        trainingLock(projectId),
        `a tab that has been running it since ${since}`,
        async () => trainLocked(machines, await open(), control, report),
      )
      if (!outcome.held)
        throw new RetortError(
          'Busy',
          `A student of this project is being trained in ${outcome.holder}. Stop it there, or wait until it ends.`,
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
  report: (progress: TrainProgress) => void,
): Promise<Student> {
  const { db } = machines
  const { projectId, id } = student
  const record = new StudentRecord((change) => patchStudent(db, projectId, id, change), student)
  const live = new LiveTraining(student, report)
  const unwatch = control.onChange(() => {
    if (!control.stopped) record.update({ status: control.paused ? 'paused' : 'training' })
  })
  try {
    const outcome = await trainWithRetries(machines, student, control, live, record)
    const facts =
      outcome === undefined
        ? { status: 'stopped' as const, reason: 'Stopped by hand.' }
        : {
            status: 'trained' as const,
            endedAt: machines.now(),
            ...reasonOf(outcome, student.settings.steps),
          }
    return await guardQuota('The student’s record', () => record.close(facts))
  } catch (thrown) {
    await record.close({ status: 'failed', reason: sentenceOf(thrown) }).catch(() => undefined)
    // It never began, and resuming would end the same way: nothing of it is kept but the sentence.
    if (thrown instanceof RetortError && thrown.name === 'NothingToReward')
      await deleteStudent(db, projectId, id).catch(() => undefined)
    throw thrown
  } finally {
    unwatch()
  }
}

/** The sentence on which weights are kept, if they are not those of the last requested step. */
function reasonOf({ step, bestStep }: TrainOutcome, steps: number): { reason?: string } {
  if (bestStep === undefined || bestStep === steps) return {}
  if (bestStep === 0)
    return {
      reason: `No evaluation on the held-out rows was better than the one before the first step: the weights of the student that it started from are kept.`,
    }
  const ended = step < steps ? `Training ended early, at step ${step} of ${steps}. ` : ''
  return { reason: `${ended}The held-out loss was lowest at step ${bestStep}: those weights are kept.` }
}
