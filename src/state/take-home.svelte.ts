// Knows: what a person takes home, and in which form.
import { downloadDataCard } from '../actions/download-data-card.ts'
import { downloadDataset } from '../actions/download-dataset.ts'
import { downloadRecipe } from '../actions/download-recipe.ts'
import { downloadStudent } from '../actions/download-student.ts'
import type { Download } from '../actions/machines.ts'
import type { Dataset } from '../domain/dataset.ts'
import type { DatasetId, ProjectId, StudentId } from '../domain/id.ts'
import { DATASET_FORMATS, type DatasetFormat } from '../protocol/corpus.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'

export interface FormatChoice<Name extends string> {
  readonly name: Name
  readonly title: string
  readonly help: string
}

export type StudentFormat = 'huggingface' | 'gguf'

const DATASET_TEXTS: Readonly<Record<DatasetFormat, { readonly title: string; readonly help: string }>> = {
  messages: { title: 'Messages, JSONL', help: 'A list of chat messages a row: what TRL, Axolotl and most trainers read.' },
  'prompt-completion': { title: 'Prompt and completion, JSONL', help: 'Two fields a row: trainers then learn from the completion alone.' },
  alpaca: { title: 'Alpaca, JSONL', help: 'Instruction, input and output: older trainers and many scripts.' },
  preference: { title: 'Preference pairs, JSONL', help: 'Prompt, chosen and rejected, as TRL’s preference trainers read them: the rows that have a pair.' },
  csv: { title: 'Table, CSV', help: 'For spreadsheets and for reading.' },
}

/** Forms for a dataset: pairs are offered where it has some. */
export const listDatasetFormats = ({ pairs = 0 }: Pick<Dataset, 'pairs'>): readonly FormatChoice<DatasetFormat>[] =>
  DATASET_FORMATS.filter((name) => name !== 'preference' || pairs > 0).map((name) => ({ name, ...DATASET_TEXTS[name] }))

export const studentFormats: readonly FormatChoice<StudentFormat>[] = [
  { name: 'huggingface', title: 'Hugging Face folder, zip', help: 'Safetensors, configuration and tokenizer: `AutoModelForCausalLM` opens the folder.' },
  { name: 'gguf', title: 'GGUF', help: 'One file for llama.cpp and what is built on it.' },
]

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
    return this.#take((machines) => downloadDataset(machines, { projectId: this.#projectId, datasetId, format: this.datasetFormat }))
  }
  takeStudent(studentId: StudentId): Promise<void> {
    return this.#take((machines, signal) => downloadStudent(machines, { projectId: this.#projectId, studentId, format: this.studentFormat }, signal))
  }
  takeRecipe(): Promise<void> {
    return this.#take((machines) => downloadRecipe(machines, { projectId: this.#projectId }))
  }
  takeDataCard(datasetId: DatasetId): Promise<void> {
    return this.#take((machines) => downloadDataCard(machines, { projectId: this.#projectId, datasetId }))
  }

  async #take(make: (machines: Surroundings['machines'], signal: AbortSignal) => Promise<Download>): Promise<void> {
    this.#sentence = undefined
    const download = await this.task.do((signal) => make(this.#around.machines, signal))
    if (download === undefined) return
    this.#around.deliver(download)
    this.#sentence = `${download.name} was handed to the browser’s downloads.`
  }
}
