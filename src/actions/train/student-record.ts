// Knows: how a student's record follows its training: often enough that a reload shows the curve, rarely enough to cost nothing.
// Must not know: the worker.
import type { LossPoint, Student, StudentSample } from '../../domain/student.ts'

/** Min milliseconds between two writes, unless something important has happened. */
const WRITE_EVERY = 2000
/** Max points; beyond that, every other point of the older half without a held-out loss is removed. */
const MAX_POINTS = 4000
/** Max samples; the oldest are removed first. */
const MAX_SAMPLES = 120
/** Max sentences about the rows and the student, as many as a stored student may have. */
const MAX_NOTES = 64

type ShapeFacts = Pick<
  Student,
  'shape' | 'parameters' | 'trainedParameters' | 'truncatedRows' | 'skippedRows' | 'classes' | 'notes'
>
type Facts = Partial<Pick<Student, 'status' | 'reason' | 'endedAt' | 'softTargets' | 'teacher' | 'teachers'>>

export class StudentRecord {
  readonly #write: (change: (student: Student) => Student) => Promise<Student>
  #points: readonly LossPoint[]
  #samples: readonly StudentSample[]
  #checkpointStep: number
  #bestStep: number | undefined
  #mistakes: readonly StudentSample[] | undefined
  #notes: readonly string[]
  #shape: ShapeFacts | undefined
  #facts: Facts = {}
  #timer: ReturnType<typeof setTimeout> | undefined
  #writing: Promise<unknown> = Promise.resolve()

  constructor(
    write: (change: (student: Student) => Student) => Promise<Student>,
    { points, samples, checkpointStep, bestStep, mistakes, notes = [] }: Student,
  ) {
    this.#write = write
    this.#points = points
    this.#samples = samples
    this.#checkpointStep = checkpointStep
    this.#bestStep = bestStep
    this.#mistakes = mistakes
    this.#notes = notes
  }

  get points(): readonly LossPoint[] {
    return this.#points
  }
  get samples(): readonly StudentSample[] {
    return this.#samples
  }
  get checkpointStep(): number {
    return this.#checkpointStep
  }

  /** Adds a point of the curve. Points from this step on, made before a reload and lost with it, are replaced. */
  point(point: LossPoint): void {
    const earlier =
      (this.#points.at(-1)?.step ?? -1) < point.step
        ? this.#points
        : this.#points.filter(({ step }) => step < point.step)
    const all = [...earlier, point]
    this.#points =
      all.length > MAX_POINTS
        ? all.filter(({ heldOut }, i) => heldOut !== undefined || i % 2 === 0 || i > MAX_POINTS / 2)
        : all
    this.#scheduleFlush()
  }
  sample(samples: readonly StudentSample[], mistakes?: readonly StudentSample[]): void {
    if (mistakes !== undefined) this.#mistakes = mistakes
    const [first] = samples
    if (!first) return
    this.#samples = [...this.#samples.filter(({ step }) => step < first.step), ...samples].slice(-MAX_SAMPLES)
    this.#scheduleFlush()
  }
  /** A checkpoint is stored; `bestStep` is the step of the best weights in it, if there are any. */
  checkpoint(step: number, bestStep?: number): void {
    this.#checkpointStep = step
    this.#bestStep = bestStep
    void this.#flush()
  }
  shape(facts: ShapeFacts): void {
    this.#shape = facts
    this.#notes = [...new Set([...(facts.notes ?? []), ...this.#notes])].slice(0, MAX_NOTES)
    this.#scheduleFlush()
  }
  /** A sentence in addition to those of the shape. */
  note(note: string): void {
    this.#notes = [...new Set([...this.#notes, note])].slice(-MAX_NOTES)
    this.#scheduleFlush()
  }
  get notes(): readonly string[] {
    return this.#notes
  }
  get mistakes(): readonly StudentSample[] | undefined {
    return this.#mistakes
  }
  /** Facts for the next write, which starts at once. */
  update(facts: Facts): void {
    this.#facts = { ...this.#facts, ...facts }
    void this.#flush()
  }
  /** The last write; throws if it fails. */
  async close(facts: Facts): Promise<Student> {
    clearTimeout(this.#timer)
    await this.#writing
    this.#facts = { ...this.#facts, ...facts }
    return this.#write((student) => this.#merge(student))
  }

  #scheduleFlush(): void {
    this.#timer ??= setTimeout(() => void this.#flush(), WRITE_EVERY)
  }

  /** A write that fails is repeated by the next one. */
  #flush(): Promise<unknown> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing
      .then(() => this.#write((student) => this.#merge(student)))
      .catch(() => undefined)
    return this.#writing
  }

  #merge(student: Student): Student {
    return {
      ...student,
      ...this.#shape,
      ...this.#facts,
      points: this.#points,
      samples: this.#samples,
      checkpointStep: this.#checkpointStep,
      ...(this.#bestStep === undefined ? {} : { bestStep: this.#bestStep }),
      ...(this.#mistakes === undefined ? {} : { mistakes: this.#mistakes }),
      ...(this.#notes.length === 0 ? {} : { notes: this.#notes }),
    }
  }
}
