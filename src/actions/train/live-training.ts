// Knows: the progress of a training, and its sentence. In memory only.
// Must not know: the store, the worker.
import type { LossPoint, Student } from '../../domain/student.ts'
import { lossOf, planOf } from '../../pipeline/training/index.ts'
import type { TrainEvent } from '../../protocol/student.ts'
import type { StudentRecord } from './student-record.ts'
import type { TrainProgress } from './train-progress.ts'

/** A point of the curve in words. */
function describePoint({ train, heldOut, errorRate, evaluated }: LossPoint, loss: string): string {
  if (lossOf({ loss }).points.isShare)
    return `${(100 * train).toFixed(0)} % of its answers wrong${heldOut === undefined ? '' : `, held out ${(100 * heldOut).toFixed(0)} %`}`
  return `loss ${train.toFixed(2)}${heldOut === undefined ? '' : `, held out ${heldOut.toFixed(2)}`}${errorRate === undefined ? '' : `, ${(100 * errorRate).toFixed(0)} % of those wrong${evaluated === undefined ? '' : `, ${Math.round(errorRate * evaluated)} of ${evaluated}`}`}`
}

export class LiveTraining {
  readonly #onProgress: (progress: TrainProgress) => void
  readonly #ofLabels: boolean
  #progress: TrainProgress
  #paused = false
  /** Phase and sentence while not paused. */
  #status = { phase: 'building' as TrainProgress['phase'], sentence: 'Starting the student’s worker.' }

  constructor(
    { id, settings, points, samples, checkpointStep, bestStep, truncatedRows, skippedRows }: Student,
    onProgress: (progress: TrainProgress) => void,
  ) {
    this.#onProgress = onProgress
    this.#ofLabels = planOf(settings).teacher?.kind === 'labels'
    this.#progress = {
      studentId: id,
      loss: settings.loss,
      ...this.#status,
      step: checkpointStep,
      steps: settings.steps,
      points,
      samples,
      tokensPerSecond: 0,
      learningRate: 0,
      gradientNorm: 0,
      checkpointStep,
      ...(bestStep === undefined ? {} : { bestStep }),
      truncatedRows,
      skippedRows,
    }
    onProgress(this.#progress)
  }

  /** True once the worker has stored its checkpoint and waits. */
  set paused(paused: boolean) {
    if (this.#paused === paused) return
    this.#paused = paused
    this.#show({})
  }

  /** What happened without a request from the person; stays until the training ends. */
  set note(note: string) {
    this.#show({ note })
  }

  /** The teacher computes its token probabilities for the rows. */
  reportSoftTargets(done = 0, total = 0): void {
    this.#status = {
      phase: 'soft-targets',
      sentence:
        total === 0
          ? this.#ofLabels
            ? 'Computing the teacher’s class probabilities.'
            : 'Computing the teacher’s token probabilities.'
          : `Computing the teacher’s probabilities: ${done} of ${total} training rows.`,
    }
    this.#show({})
  }

  /** Reports an event of the worker and adds it to the record. */
  handle(event: TrainEvent, record: StudentRecord): void {
    switch (event.kind) {
      case 'phase':
        this.#status = { phase: event.phase, sentence: event.sentence }
        return this.#show({})
      case 'shape': {
        const { shape, parameters, trainedParameters, truncatedRows, skippedRows, classes, notes } = event
        record.shape({
          shape,
          parameters,
          ...(trainedParameters === undefined ? {} : { trainedParameters }),
          truncatedRows,
          skippedRows,
          ...(classes ? { classes } : {}),
          ...(notes ? { notes } : {}),
        })
        return this.#show({ shape, parameters, truncatedRows, skippedRows, notes: record.notes })
      }
      case 'step': {
        const { point, tokensPerSecond, learningRate, gradientNorm, msLeft, note } = event
        record.point(point)
        this.#status = {
          phase: 'training',
          sentence: `Training: step ${point.step} of ${this.#progress.steps}, ${describePoint(point, this.#progress.loss)}.${note === undefined ? '' : ` ${note}`}`,
        }
        return this.#show({
          step: point.step,
          points: record.points,
          tokensPerSecond,
          learningRate,
          gradientNorm,
          ...(Number.isFinite(msLeft) ? { msLeft } : {}),
        })
      }
      case 'samples':
        record.sample(event.samples, event.mistakes)
        return this.#show({
          samples: record.samples,
          ...(record.mistakes ? { mistakes: record.mistakes } : {}),
        })
      case 'note':
        record.note(event.note)
        return this.#show({ notes: record.notes })
      case 'checkpoint':
        record.checkpoint(event.step, event.bestStep)
        return this.#show({
          checkpointStep: event.step,
          ...(event.bestStep === undefined ? {} : { bestStep: event.bestStep }),
        })
      default:
        event satisfies never
    }
  }

  #show(changed: Partial<TrainProgress>): void {
    this.#progress = { ...this.#progress, ...changed }
    const { step, steps, checkpointStep } = this.#progress
    const status = this.#paused
      ? {
          phase: 'paused' as const,
          sentence: `Paused at step ${step} of ${steps}; the checkpoint at step ${checkpointStep} is stored.`,
          tokensPerSecond: 0,
        }
      : this.#status
    this.#progress = { ...this.#progress, ...status }
    this.#onProgress(this.#progress)
  }
}
