// Knows: a project's students: those stored, the one that is being trained, and what each size comes to.
import { resumeStudent, trainStudent, type TrainProgress } from '../actions/train-student.ts'
import type { DatasetId, ProjectId } from '../domain/id.ts'
import type { Backend } from '../domain/model.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import {
  countParameters,
  DIVERGENCE_NAMES,
  goesOn,
  learnsAdapters,
  PREFERENCE_NAMES,
  STUDENT_PRESETS,
  type LossPoint,
  type Student,
  type StudentPreset,
  type StudentSample,
  type StudentShape,
  type TrainSettings,
} from '../domain/student.ts'
import type { TeacherShare } from '../domain/trace.ts'
import { readSteps } from '../pipeline/recipes/read-steps.ts'
import { findClasses, tellClasses } from '../pipeline/training/find-classes.ts'
import { shapeOf } from '../pipeline/training/presets.ts'
import { listDatasetRows } from '../storage/datasets.ts'
import { listStudents } from '../storage/students.ts'
import { WatchedControl } from './control.svelte.ts'
import { ImportedModel } from './imported-model.svelte.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'

/** A training as the screen shows it. */
export type TrainingView = TrainProgress

/** A size as it is offered. */
export interface Preset {
  readonly name: StudentPreset
  readonly shape: StudentShape
  readonly parameters: number
}

/** The sizes under a vocabulary and a context. */
export const listPresets = (vocabulary: number, context: number): readonly Preset[] =>
  STUDENT_PRESETS.map((name) => {
    const shape = shapeOf(name, vocabulary, context)
    return { name, shape, parameters: countParameters(shape) }
  })

/** Whether a train step of this name learns from pairs of answers. */
export const wantsPairs = (name: string | undefined): boolean =>
  PREFERENCE_NAMES.some((known) => known === name)
/** Whether a train step of this name learns from teachers' probabilities. */
export const wantsTeachers = (name: string | undefined): boolean =>
  DIVERGENCE_NAMES.some((known) => known === name)
/** Whether a train step of this name goes on from a student that was trained before. */
export const wantsBase = (name: string | undefined): boolean => wantsPairs(name) || name === 'grpo'

/** Whether a train step of this name fits a model that was imported. */
export const wantsModel = (name: string | undefined): boolean => name === 'lora'
/** Whether a train step of this name asks the loaded teacher while it goes on. */
export const wantsTeacher = (name: string | undefined): boolean => name === 'on-policy'

/** The training settings of a recipe; undefined where it has no train step. */
export function readTraining(recipe: CheckedRecipe | undefined): TrainSettings | undefined {
  return recipe === undefined ? undefined : readSteps(recipe).train?.settings
}

export class Students {
  readonly task = new Task<TrainProgress>()
  readonly control = new WatchedControl()
  #list = $state.raw<readonly Student[]>([])
  #latest = $derived(this.#list[0])
  #interrupted = $derived(
    this.#latest !== undefined && this.#latest.status !== 'trained' && !this.task.going
      ? this.#latest
      : undefined,
  )
  /** Training writes a point often; the curve is read from progress while it goes on and from the record afterwards. */
  #points: readonly LossPoint[] = $derived(
    this.task.going && this.task.progress ? this.task.progress.points : (this.#latest?.points ?? []),
  )
  #samples: readonly StudentSample[] = $derived(
    this.task.going && this.task.progress ? this.task.progress.samples : (this.#latest?.samples ?? []),
  )
  #note = $state<string | undefined>()
  #chosenId = $state<string | undefined>()
  #baseId = $state<string | undefined>()
  #base = $derived(this.bases.find(({ id }) => id === this.#baseId) ?? this.bases[0])
  #chosen = $derived(this.usable.find(({ id }) => id === this.#chosenId) ?? this.usable[0])
  /** The model that adapters are to lie on. */
  readonly imported: ImportedModel
  backend = $state<Backend>('wasm')
  /** The dataset to train on; the newest where none is chosen. */
  datasetId = $state<DatasetId | undefined>()
  readonly #around: Surroundings
  readonly #projectId: ProjectId

  constructor(around: Surroundings, projectId: ProjectId) {
    this.#around = around
    this.#projectId = projectId
    this.imported = new ImportedModel(around)
  }

  /** Newest first. */
  get list(): readonly Student[] {
    return this.#list
  }
  get latest(): Student | undefined {
    return this.#latest
  }
  /** The newest student where its training has not ended and is not in hand here. */
  get interrupted(): Student | undefined {
    return this.#interrupted
  }
  /** Students that have weights to compare and to take home. */
  get usable(): readonly Student[] {
    return this.#list.filter((student) => student.status === 'trained' || student.checkpointStep > 0)
  }
  /** Students that a training can go on from: those with a shape of ours that write, not adapters on another model. */
  get bases(): readonly Student[] {
    return this.usable.filter(({ adapts, classes }) => adapts === undefined && classes === undefined)
  }
  /** The one to compare and to take home: the newest where none is chosen. */
  get chosen(): Student | undefined {
    return this.#chosen
  }
  /** The one that a loss on pairs goes on from: the newest where none is chosen. */
  get base(): Student | undefined {
    return this.#base
  }
  goOnFrom(id: string): void {
    this.#baseId = id
  }
  choose(id: string): void {
    this.#chosenId = id
  }
  get points(): readonly LossPoint[] {
    return this.#points
  }
  /** What the student learns or learned from, whose points these are. */
  get loss(): TrainSettings['loss'] {
    return (
      (this.task.going ? this.task.progress?.loss : undefined) ??
      this.#latest?.settings.loss ??
      'teacher-text'
    )
  }
  get samples(): readonly StudentSample[] {
    return this.#samples
  }

  async refresh(): Promise<void> {
    this.#list = (await listStudents(this.#around.machines.db, this.#projectId)).toSorted(
      (a, b) => b.startedAt - a.startedAt,
    )
  }

  train(
    datasetId: DatasetId,
    settings: TrainSettings,
    teachers?: readonly TeacherShare[],
  ): Promise<Student | undefined> {
    const { backend } = this
    const base = goesOn(settings) ? this.#base : undefined
    const adapts = learnsAdapters(settings) ? this.imported.choice?.source : undefined
    this.#chosenId = undefined // the new one is what one wants to see next
    return this.#carry((control) =>
      trainStudent(
        this.#around.machines,
        {
          projectId: this.#projectId,
          datasetId,
          settings,
          backend,
          ...(base ? { base: base.id } : {}),
          ...(adapts ? { adapts } : {}),
          ...(teachers ? { teachers } : {}),
        },
        control,
      ),
    )
  }

  /** The classes of a dataset's training rows in a sentence, or what is wrong with them. */
  async describeClasses(datasetId: DatasetId): Promise<{ readonly ok: boolean; readonly sentence: string }> {
    const found = findClasses(
      await listDatasetRows(this.#around.machines.db, this.#projectId, datasetId, 'train'),
    )
    return found.ok
      ? { ok: true, sentence: `${tellClasses(found.value)}.` }
      : { ok: false, sentence: found.problems[0]?.sentence ?? 'The rows have no classes.' }
  }

  /** What happened to the training without anyone asking for it. */
  get note(): string | undefined {
    return this.task.progress?.note ?? this.#note
  }

  /** Goes on with a training that ended with its page, which the browser had thrown away. One that someone paused or stopped rests. */
  async goOnByItself(): Promise<void> {
    const broken = this.interrupted
    if (broken?.status !== 'training') return
    this.#note = `The browser had put this page away to save memory. The training goes on by itself from step ${broken.checkpointStep}.`
    await this.goOn(broken)
  }

  /** Goes on from the last checkpoint. */
  goOn(student: Student): Promise<Student | undefined> {
    return this.#carry((control) =>
      resumeStudent(this.#around.machines, { projectId: this.#projectId, studentId: student.id }, control),
    )
  }

  async #carry(
    start: (control: ReturnType<WatchedControl['begin']>) => AsyncGenerator<TrainProgress, Student>,
  ): Promise<Student | undefined> {
    if (this.task.going) return undefined
    const ended = await this.task.do(async (_signal, report) => {
      const work = start(this.control.begin())
      for (;;) {
        const next = await work.next()
        if (next.done) {
          await this.refresh() // before the work counts as ended: in between the screen would speak of an interrupted training
          return next.value
        }
        if (this.task.progress === undefined) await this.refresh() // the student is stored by now
        report(next.value)
      }
    })
    this.control.end()
    if (ended === undefined) await this.refresh()
    return ended
  }
}
