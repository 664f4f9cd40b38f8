// Knows: the jobs and results of the programs whose decoding is compared.
import type { WeightForm } from '../../../src/domain/weight-form.ts'

/** Prompts to complete greedily: in one batch if the program can, else one after another. */
export interface GenerationJob {
  readonly prompts: readonly string[]
  /** Tokens per row; a row that ends by itself has fewer and is counted as it is. */
  readonly tokens: number
  /** Whether the program may use its prefix cache of earlier prompts. */
  readonly reuse: boolean
}

export interface GenerationResult {
  readonly promptTokens: number
  /** Milliseconds until every row has its first token, which is the end of prefill. */
  readonly firstMs: number
  /** A moment at or soon after that, and the tokens of all rows by then. */
  readonly from: { readonly ms: number; readonly tokens: number }
  /** Until the last token of the last row, and the tokens of all rows. */
  readonly ms: number
  readonly tokens: number
  readonly texts: readonly string[]
}

/** How every program is opened. */
export interface OpenOptions {
  /** Batch size and context length that it must support. */
  readonly rows: number
  readonly context: number
  readonly threads: number
  /** Name of the model's file. */
  readonly file: string
  /** Weight format of ours in memory; the others keep the file's quantization. */
  readonly weights?: WeightForm
  /** The program's own settings, under its own names. */
  readonly settings?: Settings
}
export type Settings = Readonly<Record<string, boolean>>

/** A program with the model loaded. */
export interface Writer {
  /** Its version and settings. */
  readonly about: string
  generate(job: GenerationJob): Promise<GenerationResult>
}
