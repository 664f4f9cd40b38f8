// Knows: how a student's record follows its training: often enough that a reload shows the curve, seldom enough to cost nothing.
// Must not know: the worker.
import type { LossPoint, Student, StudentSample } from '../../domain/student.ts'

/** Milliseconds between two writes at least, where nothing of weight has happened. */
const WRITE_EVERY = 2000
/** Points kept; when there are more, every other one of the older half without a held-out loss goes. */
const MOST_POINTS = 4000
/** Samples kept; the oldest go first. */
const MOST_SAMPLES = 120

type ShapeFacts = Pick<
  Student,
  'shape' | 'parameters' | 'trained' | 'cutRows' | 'leftOutRows' | 'classes' | 'remarks'
>
type Facts = Partial<Pick<Student, 'status' | 'why' | 'endedAt' | 'trace' | 'teacher' | 'teachers'>>

export class StudentRecord {
  readonly #write: (change: (student: Student) => Student) => Promise<Student>
  #points: readonly LossPoint[]
  #samples: readonly StudentSample[]
  #checkpointStep: number
  #shape: ShapeFacts | undefined
  #facts: Facts = {}
  #timer: ReturnType<typeof setTimeout> | undefined
  #going: Promise<unknown> = Promise.resolve()

  constructor(
    write: (change: (student: Student) => Student) => Promise<Student>,
    { points, samples, checkpointStep }: Student,
  ) {
    this.#write = write
    this.#points = points
    this.#samples = samples
    this.#checkpointStep = checkpointStep
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

  /** A point of the curve. Points from this step on, made before a reload and lost with it, are replaced. */
  point(point: LossPoint): void {
    const earlier =
      (this.#points.at(-1)?.step ?? -1) < point.step
        ? this.#points
        : this.#points.filter(({ step }) => step < point.step)
    const all = [...earlier, point]
    this.#points =
      all.length > MOST_POINTS
        ? all.filter(({ heldOut }, i) => heldOut !== undefined || i % 2 === 0 || i > MOST_POINTS / 2)
        : all
    this.#soon()
  }
  sample(samples: readonly StudentSample[]): void {
    const [first] = samples
    if (!first) return
    this.#samples = [...this.#samples.filter(({ step }) => step < first.step), ...samples].slice(
      -MOST_SAMPLES,
    )
    this.#soon()
  }
  checkpoint(step: number): void {
    this.#checkpointStep = step
    void this.#flush()
  }
  shape(facts: ShapeFacts): void {
    this.#shape = facts
    this.#soon()
  }
  /** Facts to write with the next write. */
  soon(facts: Facts): void {
    this.#facts = { ...this.#facts, ...facts }
    void this.#flush()
  }
  /** The last write: throws where it fails. */
  async close(facts: Facts): Promise<Student> {
    clearTimeout(this.#timer)
    await this.#going
    this.#facts = { ...this.#facts, ...facts }
    return this.#write((student) => this.#over(student))
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => void this.#flush(), WRITE_EVERY)
  }

  /** A write that fails on the way is made up for by the next one. */
  #flush(): Promise<unknown> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#going = this.#going.then(() => this.#write((student) => this.#over(student))).catch(() => undefined)
    return this.#going
  }

  #over(student: Student): Student {
    return {
      ...student,
      ...this.#shape,
      ...this.#facts,
      points: this.#points,
      samples: this.#samples,
      checkpointStep: this.#checkpointStep,
    }
  }
}
