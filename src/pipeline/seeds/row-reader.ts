// Knows: what every reader of a seed format is: text goes in piece by piece, rows come out.

/** A row of a source: what it asks and answers, or why it cannot be a seed. */
export type RawRow =
  | { readonly line: number; readonly text: string; readonly answer?: string }
  | { readonly line: number; readonly sentence: string; readonly field?: string }

export interface RowReader {
  /** The rows that this piece of text completes. */
  push(text: string): RawRow[]
  /** What is left when the source ends. `whole` is false where it was cut off by an error. */
  end(whole: boolean): RawRow[]
}

/** Characters of one line or cell row at most; a longer one is a problem and is skipped, never gathered. */
export const LINE_LIMIT = 1_000_000
