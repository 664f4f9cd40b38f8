// Knows: a project's students: the stored ones, the one in training, and the parameter count of each size.
import type { TrainProgress } from '../../actions/train/train-progress.ts'
import type { DatasetId, ProjectId } from '../../domain/id.ts'
import type { Backend } from '../../domain/machine.ts'
import {
  countParameters,
  STUDENT_PRESETS,
  type LossPoint,
  type Student,
  type StudentPreset,
  type StudentSample,
  type StudentShape,
  type TrainSettings,
} from '../../domain/student.ts'
import type { TeacherShare } from '../../domain/soft-targets.ts'
import { lossOf } from '../../pipeline/training/index.ts'
import { shapeOf } from '../../pipeline/training/presets.ts'
import { trainingLock } from '../../storage/locks.ts'
import { listStudents } from '../../storage/students.ts'
import type { ChosenFormats } from '../models/chosen-formats.ts'
import type { RunControl } from '../../actions/control.ts'
import { WatchedControl } from '../parts/control.svelte.ts'
import { ImportedModel } from '../models/imported-model.svelte.ts'
import { Elsewhere } from '../app/elsewhere.svelte.ts'
import { describeLoss, type LossView } from './losses.ts'
import type { Environment } from '../app/environment.ts'
import { resumeStudent, trainStudent } from '../app/later.ts'
import { Task } from '../parts/task.svelte.ts'

/** Training progress, for the screen. */
export type TrainingView = TrainProgress

/** An offered model size. */
export interface Preset {
  readonly name: StudentPreset
  readonly shape: StudentShape
  readonly parameters: number
}

/** The sizes for a vocabulary and a context length. */
export const listPresets = (vocabulary: number, context: number): readonly Preset[] =>
  STUDENT_PRESETS.map((name) => {
    const shape = shapeOf(name, vocabulary, context)
    return { name, shape, parameters: countParameters(shape) }
  })

export class Students {
  readonly task = new Task<TrainProgress>()
  /** A training in this project that is in progress in another tab. */
  readonly elsewhere = new Elsewhere()
  readonly control = new WatchedControl()
  #list = $state.raw<readonly Student[]>([])
  #latest = $derived(this.#list[0])
  #interrupted = $derived(
    this.#latest !== undefined &&
      this.#latest.status !== 'trained' &&
      !this.task.running &&
      this.elsewhere.holder === undefined
      ? this.#latest
      : undefined,
  )
  /** The curve comes from the progress while training runs, since points arrive often, and from the record afterwards. */
  #points: readonly LossPoint[] = $derived(
    this.task.running && this.task.progress ? this.task.progress.points : (this.#latest?.points ?? []),
  )
  #samples: readonly StudentSample[] = $derived(
    this.task.running && this.task.progress ? this.task.progress.samples : (this.#latest?.samples ?? []),
  )
  #note = $state<string | undefined>()
  #chosenId = $state<string | undefined>()
  #baseId = $state<string | undefined>()
  #chosenBase = $derived(this.bases.find(({ id }) => id === this.#baseId))
  #chosen = $derived(this.usable.find(({ id }) => id === this.#chosenId) ?? this.usable[0])
  /** The base model of adapters. */
  readonly imported: ImportedModel
  backend = $state<Backend>('wasm')
  /** The dataset to train on; the newest if none is chosen. */
  datasetId = $state<DatasetId | undefined>()
  readonly #env: Environment
  readonly #projectId: ProjectId
  readonly #prepare: (student: Student) => Promise<void>

  /** `prepare` loads the teacher that a resumed training needs, if it can; `formats`: the chat formats chosen for models. */
  constructor(
    env: Environment,
    projectId: ProjectId,
    prepare: (student: Student) => Promise<void> = async () => undefined,
    formats?: Pick<ChosenFormats, 'find'>,
  ) {
    this.#env = env
    this.#projectId = projectId
    this.#prepare = prepare
    this.imported = new ImportedModel(env, formats)
  }

  /** Newest first. */
  get list(): readonly Student[] {
    return this.#list
  }
  get latest(): Student | undefined {
    return this.#latest
  }
  /** The newest student, if its training has not ended and is not running here. */
  get interrupted(): Student | undefined {
    return this.#interrupted
  }
  /** Students that have weights to compare and to download. */
  get usable(): readonly Student[] {
    return this.#list.filter((student) => student.status === 'trained' || student.checkpointStep > 0)
  }
  /** Students that training can start from: those with our architecture that generate text, not adapters on another model. */
  get bases(): readonly Student[] {
    return this.usable.filter(({ baseModel, classes }) => baseModel === undefined && classes === undefined)
  }
  /** The student to compare and to download: the newest if none is chosen. */
  get chosen(): Student | undefined {
    return this.#chosen
  }
  /** The student that was chosen to start from. */
  get chosenBase(): Student | undefined {
    return this.#chosenBase
  }
  chooseBase(id: string): void {
    this.#baseId = id
  }
  choose(id: string): void {
    this.#chosenId = id
  }
  get points(): readonly LossPoint[] {
    return this.#points
  }
  /** The loss of the student whose points these are. */
  get loss(): LossView {
    return describeLoss(
      (this.task.running ? this.task.progress?.loss : undefined) ?? this.#latest?.settings.loss,
    )
  }
  /** Held-out rows that the student got wrong at the last evaluation. */
  get mistakes(): readonly StudentSample[] {
    return (
      (this.task.running && this.task.progress ? this.task.progress.mistakes : this.#latest?.mistakes) ?? []
    )
  }
  get samples(): readonly StudentSample[] {
    return this.#samples
  }

  async refresh(): Promise<void> {
    this.#list = (await listStudents(this.#env.machines.db, this.#projectId)).toSorted(
      (a, b) => b.startedAt - a.startedAt,
    )
    await this.elsewhere.check(trainingLock(this.#projectId), this.task.running, () =>
      this.refresh().catch(() => undefined),
    )
  }

  train(
    datasetId: DatasetId,
    settings: TrainSettings,
    {
      base: from,
      teachers,
    }: { readonly base?: Student | undefined; readonly teachers?: readonly TeacherShare[] | undefined } = {},
  ): Promise<Student | undefined> {
    const { backend } = this
    const { startsFrom } = lossOf(settings)
    const base = startsFrom === 'student' ? from : undefined
    const baseModel = startsFrom === 'model' ? this.imported.choice?.source : undefined
    const { chatFormat } = this.imported
    this.#chosenId = undefined // the new student is shown next
    return this.#run((control) =>
      trainStudent(
        this.#env.machines,
        {
          projectId: this.#projectId,
          datasetId,
          settings,
          backend,
          ...(base ? { base: base.id } : {}),
          ...(baseModel ? { baseModel } : {}),
          ...(baseModel && chatFormat !== undefined ? { chatFormat } : {}),
          ...(teachers ? { teachers } : {}),
        },
        control,
      ),
    )
  }

  /** What happened to the training without a request from the person. */
  get note(): string | undefined {
    return this.task.progress?.note ?? this.#note
  }

  /** Resumes a training that ended because the browser discarded the page. A paused or stopped one is not resumed. */
  async resumeAfterDiscard(): Promise<void> {
    const { interrupted } = this
    if (interrupted?.status !== 'training') return
    this.#note = `The browser unloaded this page to save memory. Training resumed automatically from step ${interrupted.checkpointStep}.`
    await this.resume(interrupted)
  }

  /** Resumes from the last checkpoint. If its teacher is needed and cannot be loaded, the training's own refusal names it. */
  async resume(student: Student): Promise<Student | undefined> {
    if (this.task.running) return undefined
    await this.#prepare(student)
    return this.#run((control) =>
      resumeStudent(this.#env.machines, { projectId: this.#projectId, studentId: student.id }, control),
    )
  }

  #run(start: (control: RunControl) => AsyncGenerator<TrainProgress, Student>): Promise<Student | undefined> {
    const refresh = (): Promise<void> => this.refresh()
    return this.control.do(this.task, start, { first: refresh, last: refresh })
  }
}
