// Knows: what a person takes home, and in which form.
import { downloadDataCard } from '../actions/download-data-card.ts'
import { downloadDataset } from '../actions/download-dataset.ts'
import { downloadRecipe } from '../actions/download-recipe.ts'
import { downloadStudent } from '../actions/download-student.ts'
import type { Download } from '../actions/machines.ts'
import type { Dataset } from '../domain/dataset.ts'
import type { DatasetId, ProjectId } from '../domain/id.ts'
import type { Student } from '../domain/student.ts'
import { DATASET_FORMATS, type DatasetFormat } from '../protocol/corpus.ts'
import type { StudentFormat } from '../protocol/student.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'

export interface FormatChoice<Name extends string> {
  readonly name: Name
  readonly title: string
  readonly help: string
}

const DATASET_TEXTS: Readonly<Record<DatasetFormat, { readonly title: string; readonly help: string }>> = {
  messages: {
    title: 'Messages, JSONL',
    help: 'A list of chat messages a row: what TRL, Axolotl and most trainers read.',
  },
  'prompt-completion': {
    title: 'Prompt and completion, JSONL',
    help: 'Two fields a row: trainers then learn from the completion alone.',
  },
  alpaca: { title: 'Alpaca, JSONL', help: 'Instruction, input and output: older trainers and many scripts.' },
  preference: {
    title: 'Preference pairs, JSONL',
    help: 'Prompt, chosen and rejected, as TRL’s preference trainers read them: the rows that have a pair.',
  },
  csv: { title: 'Table, CSV', help: 'For spreadsheets and for reading.' },
}

/** Forms for a dataset: pairs are offered where it has some. */
export const listDatasetFormats = ({
  pairs = 0,
}: Pick<Dataset, 'pairs'>): readonly FormatChoice<DatasetFormat>[] =>
  DATASET_FORMATS.filter((name) => name !== 'preference' || pairs > 0).map((name) => ({
    name,
    ...DATASET_TEXTS[name],
  }))

const WHOLE: readonly FormatChoice<StudentFormat>[] = [
  {
    name: 'huggingface',
    title: 'Hugging Face folder, zip',
    help: 'Safetensors, configuration and tokenizer: `AutoModelForCausalLM` opens the folder.',
  },
  { name: 'gguf', title: 'GGUF', help: 'One file for llama.cpp and what is built on it.' },
]
const MERGED: readonly FormatChoice<StudentFormat>[] = [
  {
    name: 'adapter',
    title: 'Adapter, zip',
    help: 'A few megabytes, which `peft` lays on the original model; that may differ a little from the packed file trained on here.',
  },
  {
    name: 'huggingface',
    title: 'Merged Hugging Face folder, zip',
    help: 'The whole model with the adapters merged in, in 32 bits, with its own tokenizer and template: `AutoModelForCausalLM` opens the folder.',
  },
  {
    name: 'gguf',
    title: 'Merged GGUF',
    help: 'The whole model in one file for llama.cpp and for this page, in 16 bits; what the original file says of itself is kept.',
  },
]

const CLASSED: readonly FormatChoice<StudentFormat>[] = [
  {
    name: 'huggingface',
    title: 'Hugging Face folder, zip',
    help: 'Safetensors, configuration and tokenizer: `AutoModelForSequenceClassification` opens the folder. There is no GGUF: llama.cpp has no place for its classes and would make it write text.',
  },
]

/** Forms for a student: one that is adapters on an imported model can leave it behind, and one of classes has a single form, which says why. */
export const listStudentFormats = (
  student: Pick<Student, 'adapts' | 'classes'> | undefined,
): readonly FormatChoice<StudentFormat>[] => (student?.classes ? CLASSED : student?.adapts ? MERGED : WHOLE)

export class TakeHome {
  #sentence = $state<string | undefined>()
  datasetFormat = $state<DatasetFormat>('messages')
  studentFormat = $state<StudentFormat>('huggingface')
  readonly task = new Task()
  readonly #around: Surroundings
  readonly #projectId: ProjectId

  constructor(around: Surroundings, projectId: ProjectId) {
    this.#around = around
    this.#projectId = projectId
  }

  /** What was handed over last. */
  get sentence(): string | undefined {
    return this.#sentence
  }

  takeDataset(datasetId: DatasetId): Promise<void> {
    return this.#take((machines) =>
      downloadDataset(machines, { projectId: this.#projectId, datasetId, format: this.datasetFormat }),
    )
  }
  /** In the chosen form where there is that for it: it may still be that of another student. */
  takeStudent({ id: studentId, adapts, classes }: Pick<Student, 'id' | 'adapts' | 'classes'>): Promise<void> {
    const format = listStudentFormats({
      ...(adapts ? { adapts } : {}),
      ...(classes ? { classes } : {}),
    }).some(({ name }) => name === this.studentFormat)
      ? this.studentFormat
      : 'huggingface'
    return this.#take((machines, signal) =>
      downloadStudent(machines, { projectId: this.#projectId, studentId, format }, signal),
    )
  }
  takeRecipe(): Promise<void> {
    return this.#take((machines) => downloadRecipe(machines, { projectId: this.#projectId }))
  }
  takeDataCard(datasetId: DatasetId): Promise<void> {
    return this.#take((machines) => downloadDataCard(machines, { projectId: this.#projectId, datasetId }))
  }

  async #take(
    make: (machines: Surroundings['machines'], signal: AbortSignal) => Promise<Download>,
  ): Promise<void> {
    this.#sentence = undefined
    const download = await this.task.do((signal) => make(this.#around.machines, signal))
    if (download === undefined) return
    this.#around.deliver(download)
    this.#sentence = `${download.name} was handed to the browser’s downloads.`
  }
}
