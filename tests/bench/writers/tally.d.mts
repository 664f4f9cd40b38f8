// Knows: the types of the next file.
import type { GenerationResult } from './writer.ts'

export interface Tally {
  /** Sets the number of tokens of a row. */
  note(row: number, tokens: number): void
  end(promptTokens: number, texts: readonly string[]): GenerationResult
}
/** Starts the clock. */
export function startTally(rows: number): Tally
