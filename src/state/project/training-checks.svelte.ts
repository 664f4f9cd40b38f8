// Knows: whether the student that is about to be trained can be trained, and what its rows offer.
import { readRowFacts } from '../../actions/train/read-row-facts.ts'
import type { Dataset } from '../../domain/dataset.ts'
import { refuseTraining, type TrainingRefusal } from '../../pipeline/training/refuse-training.ts'
import type { RowFacts } from '../../pipeline/training/row-facts.ts'
import { findBestBase } from '../../pipeline/training/best-base.ts'
import type { Student } from '../../domain/student.ts'
import type { Datasets } from './datasets.svelte.ts'
import type { Environment } from '../app/environment.ts'
import type { SoftTargets } from './soft-targets.svelte.ts'
import type { Students } from './students.svelte.ts'
import { Task } from '../parts/task.svelte.ts'
import type { Teacher } from '../models/teacher.svelte.ts'
import type { TrainingForm } from './training-form.svelte.ts'

/** The parts of a project that the checks read. */
interface Parts {
  readonly datasets: Datasets
  readonly students: Students
  readonly training: TrainingForm
  readonly softTargets: SoftTargets
  readonly teacher: Teacher
}

export class TrainingChecks {
  readonly #env: Environment
  readonly #parts: Parts
  readonly reading = new Task()
  /** Requested while another dataset is being read. */
  #wanted: Dataset | undefined
  #read = $state.raw<{ readonly id: string; readonly facts: RowFacts } | undefined>()
  #dataset = $derived.by(() => {
    const { datasets, students } = this.#parts
    return datasets.list.find(({ id }) => id === students.datasetId) ?? datasets.list[0]
  })
  #base = $derived.by(() => {
    const { students } = this.#parts
    return students.chosenBase ?? findBestBase(students.bases, this.#dataset?.id)
  })
  #facts = $derived(this.#read?.id === this.#dataset?.id ? this.#read?.facts : undefined)
  #refusal = $derived.by(() => {
    const { students, training, softTargets, teacher } = this.#parts
    const { settings } = training
    if (settings === undefined) return undefined
    const { imported } = students
    const { card, chatFormat } = teacher.description ?? {}
    return refuseTraining(settings, {
      rows: this.#facts ?? (this.#dataset && factsOf(this.#dataset)),
      base: this.#base,
      ...(imported.choice === undefined
        ? {}
        : {
            model: {
              card: imported.card,
              ...(imported.chatFormat === undefined ? {} : { chatFormat: imported.chatFormat }),
            },
          }),
      teacherLoaded: card !== undefined,
      storedTeachers: (softTargets.sharesFor(settings, card, chatFormat) ?? []).filter(
        ({ weight, softTargets: file }) => weight > 0 && file !== undefined,
      ).length,
      backend: students.backend,
    })
  })

  constructor(env: Environment, parts: Parts) {
    this.#env = env
    this.#parts = parts
  }

  /** The dataset to train on: the chosen one, or the newest. */
  get dataset(): Dataset | undefined {
    return this.#dataset
  }
  /** The student to start from: the chosen one, or the best on held-out rows. */
  get base(): Student | undefined {
    return this.#base
  }
  /** Counts of the dataset's rows; undefined until they are read. */
  get facts(): RowFacts | undefined {
    return this.#facts
  }
  /** Why the training cannot start, as far as it is known; undefined if there is none. */
  get refusal(): TrainingRefusal | undefined {
    return this.#refusal
  }

  /** Counts the rows of a dataset again: rows of its run and seeds may have changed. Of several requests the last one counts. */
  async read(dataset: Dataset): Promise<void> {
    this.#wanted = dataset
    await this.reading.do(async () => {
      for (let next = this.#takeWanted(); next !== undefined; next = this.#takeWanted()) {
        const facts = await readRowFacts(this.#env.machines.db, next)
        this.#read = { id: next.id, facts }
      }
    })
    // Requested after the last look and before the end of the task.
    if (this.#wanted !== undefined && !this.reading.running) await this.read(this.#wanted)
  }

  #takeWanted(): Dataset | undefined {
    const wanted = this.#wanted
    this.#wanted = undefined
    return wanted
  }
}

/** Until the rows are read: what the dataset's record has, with nothing against any objective. */
const factsOf = ({ rows }: Dataset): RowFacts => ({
  ...rows,
  pairs: Infinity,
  good: Infinity,
  bad: Infinity,
  undecided: 0,
  problems: Infinity,
  knownAnswers: 0,
})
