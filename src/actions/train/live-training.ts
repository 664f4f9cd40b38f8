// Knows: how far a training is, and the sentence that says so. In memory only.
// Must not know: the store, the worker.
import type { LossPoint, Student, TrainSettings } from '../../domain/student.ts'
import type { TrainEvent } from '../../protocol/student.ts'
import type { TrainProgress } from '../train-student.ts'
import type { StudentRecord } from './student-record.ts'

/** What a point tells, in words. */
function sayPoint({ train, heldOut, wrong }: LossPoint, loss: TrainSettings['loss']): string {
  if (loss === 'grpo')
    return `${(100 * train).toFixed(0)} % of its answers wrong${heldOut === undefined ? '' : `, of those held out ${(100 * heldOut).toFixed(0)} %`}`
  return `loss ${train.toFixed(2)}${heldOut === undefined ? '' : `, held out ${heldOut.toFixed(2)}`}${wrong === undefined ? '' : `, ${(100 * wrong).toFixed(0)} % of those wrong`}`
}

export class LiveTraining {
  readonly #tell: (progress: TrainProgress) => void
  #progress: TrainProgress
  #paused = false
  /** What is said when nothing is paused. */
  #said = { phase: 'building' as TrainProgress['phase'], sentence: 'Starting the student’s worker.' }

  constructor(
    { id, settings, points, samples, checkpointStep, cutRows, leftOutRows }: Student,
    tell: (progress: TrainProgress) => void,
  ) {
    this.#tell = tell
    this.#progress = {
      studentId: id,
      loss: settings.loss,
      ...this.#said,
      step: checkpointStep,
      steps: settings.steps,
      points,
      samples,
      tokensPerSecond: 0,
      learningRate: 0,
      gradientNorm: 0,
      checkpointStep,
      cutRows,
      leftOutRows,
    }
    tell(this.#progress)
  }

  /** True from the moment in which the worker has stored its checkpoint and waits. */
  set paused(paused: boolean) {
    if (this.#paused === paused) return
    this.#paused = paused
    this.#show({})
  }

  /** What happened without anyone asking for it; stays until the training ends. */
  set note(note: string) {
    this.#show({ note })
  }

  /** The teacher is asked for its probabilities along the rows. */
  askTeacher(done = 0, total = 0): void {
    this.#said = {
      phase: 'tracing',
      sentence:
        total === 0
          ? this.#progress.loss === 'classes'
            ? 'The teacher is asked how likely it finds each class.'
            : 'The teacher is asked what else it might have written.'
          : `The teacher goes through the training rows: ${done} of ${total}.`,
    }
    this.#show({})
  }

  /** An event of the worker, told and kept in the record. */
  hear(event: TrainEvent, record: StudentRecord): void {
    switch (event.kind) {
      case 'phase':
        this.#said = { phase: event.phase, sentence: event.sentence }
        return this.#show({})
      case 'shape': {
        const { shape, parameters, trained, cutRows, leftOutRows, classes, remarks } = event
        record.shape({
          shape,
          parameters,
          ...(trained === undefined ? {} : { trained }),
          cutRows,
          leftOutRows,
          ...(classes ? { classes } : {}),
          ...(remarks ? { remarks } : {}),
        })
        return this.#show({ shape, parameters, cutRows, leftOutRows, ...(remarks ? { remarks } : {}) })
      }
      case 'step': {
        const { point, tokensPerSecond, learningRate, gradientNorm, msLeft, note } = event
        record.point(point)
        this.#said = {
          phase: 'training',
          sentence: `Training: step ${point.step} of ${this.#progress.steps}, ${sayPoint(point, this.#progress.loss)}.${note === undefined ? '' : ` ${note}`}`,
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
        record.sample(event.samples)
        return this.#show({ samples: record.samples })
      case 'checkpoint':
        record.checkpoint(event.step)
        return this.#show({ checkpointStep: event.step })
      default:
        event satisfies never
    }
  }

  #show(changed: Partial<TrainProgress>): void {
    this.#progress = { ...this.#progress, ...changed }
    const { step, steps, checkpointStep } = this.#progress
    const words = this.#paused
      ? {
          phase: 'paused' as const,
          sentence: `Paused at step ${step} of ${steps}; the checkpoint of step ${checkpointStep} is stored.`,
          tokensPerSecond: 0,
        }
      : this.#said
    this.#progress = { ...this.#progress, ...words }
    this.#tell(this.#progress)
  }
}
