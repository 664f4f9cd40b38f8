// Knows: what a person can download, and in which formats.
import { downloadDataset } from '../../actions/exports/download-dataset.ts'
import { downloadRecipe } from '../../actions/exports/download-recipe.ts'
import type { Download } from '../../actions/machines.ts'
import type { Dataset } from '../../domain/dataset.ts'
import type { DatasetId, ProjectId } from '../../domain/id.ts'
import type { Student } from '../../domain/student.ts'
import { estimateStudentBytes } from '../../pipeline/exporting/file-sizes.ts'
import { DATASET_FORMATS, type DatasetFormat } from '../../protocol/corpus.ts'
import type { StudentFormat } from '../../protocol/student.ts'
import { listDatasetRows } from '../../storage/datasets.ts'
import type { Environment } from '../app/environment.ts'
import { downloadDataCard, downloadStudent } from '../app/later.ts'
import { Task } from '../parts/task.svelte.ts'

export interface FormatChoice<Name extends string> {
  readonly name: Name
  readonly title: string
  readonly help: string
  /** About how large the file is; absent until it is known. */
  readonly bytes?: number
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
export const listDatasetFormats = (
  { pairs = 0 }: Pick<Dataset, 'pairs'>,
  bytes: Partial<Record<DatasetFormat, number>> = {},
): readonly FormatChoice<DatasetFormat>[] =>
  DATASET_FORMATS.filter((name) => name !== 'preference' || pairs > 0).map((name) => ({
    name,
    ...DATASET_TEXTS[name],
    ...(bytes[name] === undefined ? {} : { bytes: bytes[name] }),
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
    help: 'The adapters alone, which `peft` applies to the original model. That model may differ slightly from the quantized file used here.',
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
export const listStudentFormats = (student: Student | undefined): readonly FormatChoice<StudentFormat>[] =>
  (student?.classes ? CLASSIFIER : student?.baseModel ? MERGED : WHOLE).map((choice) =>
    student ? { ...choice, bytes: estimateStudentBytes(student, choice.name) } : choice,
  )

export class TakeHome {
  #sentence = $state<string | undefined>()
  datasetFormat = $state<DatasetFormat>('messages')
  #studentFormat = $state<StudentFormat | undefined>()
  #datasetBytes = $state.raw<Partial<Record<DatasetFormat, number>>>({})
  /** The dataset that was measured last. */
  #measured: DatasetId | undefined
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

  /** The chosen format if the student has it, since the choice may have been made for another one; else the first, which is the smallest. */
  formatOf(student: Student | undefined): StudentFormat {
    const offered = listStudentFormats(student).map(({ name }) => name)
    return offered.find((name) => name === this.#studentFormat) ?? offered[0] ?? 'huggingface'
  }
  chooseFormat(format: StudentFormat): void {
    this.#studentFormat = format
  }
  /** About how large a dataset is in each format. */
  get datasetBytes(): Partial<Record<DatasetFormat, number>> {
    return this.#datasetBytes
  }
  /** Sizes are only shown: if the rows cannot be read, none are, and the download reports why. */
  async measureDataset(datasetId: DatasetId): Promise<void> {
    this.#measured = datasetId
    this.#datasetBytes = {}
    const rows = await listDatasetRows(this.#env.machines.db, this.#projectId, datasetId).catch(() => [])
    // The formats are loaded when they are needed: a project opens without them.
    const { estimateDatasetBytes } = await import('../../pipeline/exporting/dataset-sizes.ts')
    if (this.#measured !== datasetId || rows.length === 0) return
    this.#datasetBytes = Object.fromEntries(
      DATASET_FORMATS.map((format) => [format, estimateDatasetBytes(rows, format)]),
    )
  }

  downloadDataset(datasetId: DatasetId): Promise<void> {
    return this.#download((machines) =>
      downloadDataset(machines, { projectId: this.#projectId, datasetId, format: this.datasetFormat }),
    )
  }
  downloadStudent(student: Student): Promise<void> {
    const format = this.formatOf(student)
    return this.#download((machines, signal) =>
      downloadStudent(machines, { projectId: this.#projectId, studentId: student.id, format }, signal),
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
