// Knows: what a person can download, and in which formats.
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
import type { Environment } from './environment.ts'
import { Task } from './task.svelte.ts'

export interface FormatChoice<Name extends string> {
  readonly name: Name
  readonly title: string
  readonly help: string
}

const DATASET_TEXTS: Readonly<Record<DatasetFormat, { readonly title: string; readonly help: string }>> = {
  messages: {
    title: 'Messages, JSONL',
    help: 'One list of chat messages per row: the format of TRL, Axolotl and most trainers.',
  },
  'prompt-completion': {
    title: 'Prompt and completion, JSONL',
    help: 'Two fields per row: trainers then learn from the completion only.',
  },
  alpaca: {
    title: 'Alpaca, JSONL',
    help: 'Instruction, input and output, for older trainers and many scripts.',
  },
  preference: {
    title: 'Preference pairs, JSONL',
    help: 'Prompt, chosen and rejected, the format of TRL’s preference trainers. Only rows that have a pair.',
  },
  csv: { title: 'Table, CSV', help: 'For spreadsheets and for reading.' },
}

/** Formats for a dataset: preference pairs are offered if it has some. */
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
  { name: 'gguf', title: 'GGUF', help: 'One file for llama.cpp and tools built on it.' },
]
const MERGED: readonly FormatChoice<StudentFormat>[] = [
  {
    name: 'adapter',
    title: 'Adapter, zip',
    help: 'A few megabytes, which `peft` applies to the original model. That model may differ slightly from the quantized file used here.',
  },
  {
    name: 'huggingface',
    title: 'Merged Hugging Face folder, zip',
    help: 'The whole model with the adapters merged in, in 32 bits, with its own tokenizer and template: `AutoModelForCausalLM` opens the folder.',
  },
  {
    name: 'gguf',
    title: 'Merged GGUF',
    help: 'The whole model in one 16-bit file for llama.cpp and for this page. The metadata of the original file is kept.',
  },
]

const CLASSIFIER: readonly FormatChoice<StudentFormat>[] = [
  {
    name: 'huggingface',
    title: 'Hugging Face folder, zip',
    help: 'Safetensors, configuration and tokenizer: `AutoModelForSequenceClassification` opens the folder. GGUF is not available: llama.cpp does not support its classes and would generate text instead.',
  },
]

/** Formats for a student. Adapters can be exported without the base model; a classifier has one format, whose help says why. */
export const listStudentFormats = (
  student: Pick<Student, 'baseModel' | 'classes'> | undefined,
): readonly FormatChoice<StudentFormat>[] =>
  student?.classes ? CLASSIFIER : student?.baseModel ? MERGED : WHOLE

export class TakeHome {
  #sentence = $state<string | undefined>()
  datasetFormat = $state<DatasetFormat>('messages')
  studentFormat = $state<StudentFormat>('huggingface')
  readonly task = new Task()
  readonly #env: Environment
  readonly #projectId: ProjectId

  constructor(env: Environment, projectId: ProjectId) {
    this.#env = env
    this.#projectId = projectId
  }

  /** Reports the last download. */
  get sentence(): string | undefined {
    return this.#sentence
  }

  downloadDataset(datasetId: DatasetId): Promise<void> {
    return this.#download((machines) =>
      downloadDataset(machines, { projectId: this.#projectId, datasetId, format: this.datasetFormat }),
    )
  }
  /** In the chosen format if the student has it: the choice may have been made for another student. */
  downloadStudent({
    id: studentId,
    baseModel,
    classes,
  }: Pick<Student, 'id' | 'baseModel' | 'classes'>): Promise<void> {
    const format = listStudentFormats({
      ...(baseModel ? { baseModel } : {}),
      ...(classes ? { classes } : {}),
    }).some(({ name }) => name === this.studentFormat)
      ? this.studentFormat
      : 'huggingface'
    return this.#download((machines, signal) =>
      downloadStudent(machines, { projectId: this.#projectId, studentId, format }, signal),
    )
  }
  downloadRecipe(): Promise<void> {
    return this.#download((machines) => downloadRecipe(machines, { projectId: this.#projectId }))
  }
  downloadDataCard(datasetId: DatasetId): Promise<void> {
    return this.#download((machines) => downloadDataCard(machines, { projectId: this.#projectId, datasetId }))
  }

  async #download(
    make: (machines: Environment['machines'], signal: AbortSignal) => Promise<Download>,
  ): Promise<void> {
    this.#sentence = undefined
    const download = await this.task.do((signal) => make(this.#env.machines, signal))
    if (download === undefined) return
    this.#env.deliver(download)
    this.#sentence = `${download.name} was saved to the browser’s downloads.`
  }
}
