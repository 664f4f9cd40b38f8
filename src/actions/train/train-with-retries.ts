// Knows: how a training continues across pauses, steps that do not end, and the death of its worker.
// Must not know: how a step of training works.
import type { Student } from '../../domain/student.ts'
import { planOf } from '../../pipeline/training/index.ts'
import { isAbort, RetortError } from '../../protocol/errors.ts'
import type { TrainOutcome, TrainRequest } from '../../protocol/student.ts'
import type { RunControl } from '../control.ts'
import type { Machines } from '../machines.ts'
import { computeSoftTargets, type TeacherInputs } from './compute-soft-targets.ts'
import { withLentTeacher } from './lend-teacher.ts'
import type { LiveTraining } from './live-training.ts'
import { firstStepLimit, StallWatch } from './stall-watch.ts'
import type { StudentRecord } from './student-record.ts'
import { shareFields } from './teacher-shares.ts'

/** How many times as long a step may take after one did not end in time. */
const PATIENT = 10

/** Trains across pauses and one worker death per checkpoint; undefined when stopped before the end. */
export async function trainWithRetries(
  machines: Pick<Machines, 'student' | 'teacher'>,
  student: Student,
  control: RunControl,
  live: LiveTraining,
  record: StudentRecord,
): Promise<TrainOutcome | undefined> {
  const { projectId, id: studentId, datasetId, recipeHash, settings, backend, base, baseModel } = student
  let diedAt: number | undefined
  /** Set once a step did not end in time: it may be as slow as that, so the next ones get longer. */
  let stalled = false
  const stepLimit = firstStepLimit(student.parameters, settings)
  const { teacher: need } = planOf(settings)
  let inputs: TeacherInputs = student
  for (;;) {
    live.paused = control.paused
    await control.whenResumed()
    live.paused = false
    if (control.stopped) return undefined
    const { signal } = control
    try {
      inputs = await computeSoftTargets(
        machines,
        { ...student, ...inputs },
        { signal, onProgress: (done, total) => live.reportSoftTargets(done, total) },
      )
      const { softTargets, teacher: lender } = inputs
      if (need)
        record.update({
          ...(softTargets === undefined ? {} : { softTargets }),
          ...(inputs.teachers ? { teachers: inputs.teachers } : {}),
          ...(lender ? { teacher: lender } : {}),
        })
      const request: TrainRequest = {
        projectId,
        studentId,
        datasetId,
        recipeHash,
        settings,
        backend,
        ...shareFields(inputs),
        ...(base === undefined ? {} : { base }),
        ...(baseModel === undefined ? {} : { baseModel }),
      }
      const stall = new AbortController()
      const watch =
        stepLimit === undefined
          ? undefined
          : new StallWatch(stalled ? stepLimit * PATIENT : stepLimit, () => stall.abort())
      const train = (trainSignal: AbortSignal, lent?: MessagePort): Promise<TrainOutcome> =>
        machines.student
          .train(lent ? { ...request, lent } : request, {
            signal: AbortSignal.any([trainSignal, stall.signal]),
            ...(stepLimit === undefined ? {} : { patience: stepLimit }),
            onEvent: (event) => {
              watch?.handle(event)
              live.handle(event, record)
            },
            ...(lent ? { transfer: [lent] } : {}),
          })
          .catch((thrown: unknown) => {
            if (isAbort(thrown) && stall.signal.aborted) return { outcome: 'stopped' as const, step: 0 }
            throw thrown
          })
          .finally(() => watch?.end())
      const outcome =
        need?.kind === 'during' && need.lent && softTargets !== undefined && lender !== undefined
          ? await withLentTeacher(
              machines.teacher,
              {
                projectId,
                datasetId,
                topK: need.topK,
                temperature: need.temperature,
                softTargets,
                teacher: lender,
              },
              signal,
              (lent, lentSignal) => train(lentSignal, lent),
            )
          : await train(signal)
      if (outcome.outcome === 'finished') return outcome
      if (stall.signal.aborted) {
        if (stalled)
          throw new RetortError(
            'Unexpected',
            'A step of the training did not end in time, twice. Its worker was stopped. Resume it from the last checkpoint; if it happens again, choose a smaller student.',
          )
        stalled = true
        live.note = 'A step did not end in time, so the training was restarted in a new worker.'
      } else if (!signal.aborted)
        throw new RetortError(
          'Unexpected',
          `Training ended at step ${outcome.step} of ${settings.steps} for an unknown reason. Resume it from the last checkpoint.`,
        )
    } catch (thrown) {
      if (isAbort(thrown) && signal.aborted) continue
      const died =
        thrown instanceof RetortError &&
        (thrown.name === 'WorkerDied' || thrown.name === 'StartFailed' || thrown.name === 'DeviceLost')
      if (!died || diedAt === record.checkpointStep) throw thrown
      diedAt = record.checkpointStep
      live.note = `${thrown.name === 'DeviceLost' ? 'The browser lost the graphics card' : 'The student’s worker crashed'}. Training resumed automatically ${diedAt > 0 ? `from the checkpoint at step ${diedAt}` : 'from the start'}.`
    }
  }
}
