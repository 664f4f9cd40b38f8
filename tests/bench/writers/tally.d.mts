// Knows: the types of the next file.
import type { Told } from './writer.ts'

export interface Tally {
  /** A row has so many tokens now. */
  note(row: number, tokens: number): void
  end(promptTokens: number, texts: readonly string[]): Told
}
/** Begins to count the time. */
export function startTally(rows: number): Tally
