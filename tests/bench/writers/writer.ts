// Knows: what each of the programs that write side by side is asked, and what it tells.
import type { WeightForm } from '../../../src/domain/model.ts'

/** Rows to write greedily: together where the program can, else one after another. */
export interface Order {
  readonly prompts: readonly string[]
  /** Tokens of each row; one that ends by itself has fewer, and is counted as it is. */
  readonly tokens: number
  /** Whether what was computed of earlier prompts may be used again, as far as the program can. */
  readonly reuse: boolean
}

export interface Told {
  readonly promptTokens: number
  /** Milliseconds until every row had its first token: the prompts are computed. */
  readonly firstMs: number
  /** A moment at or soon after that, and the tokens that all rows together had by then. */
  readonly from: { readonly ms: number; readonly tokens: number }
  /** Until the last token of the last row, and the tokens of all rows. */
  readonly ms: number
  readonly tokens: number
  readonly texts: readonly string[]
}

/** How a program is opened: the same for all. */
export interface Opening {
  /** Rows that it must have room for at once, and tokens of each. */
  readonly rows: number
  readonly context: number
  readonly threads: number
  /** Name of the model's file. */
  readonly file: string
  /** How our own weights lie in memory; nothing to the others, which keep the file's bits. */
  readonly weights?: WeightForm
  /** Settings of the program's own, under its own names. */
  readonly settings?: Settings
}
export type Settings = Readonly<Record<string, boolean>>

/** A program with the model in its memory. */
export interface Writer {
  /** Its version and settings. */
  readonly about: string
  write(order: Order): Promise<Told>
}
