// Knows: what a reader of a seed format is: text goes in in pieces, rows come out.

/** A row of a source: its prompt and answer, or why it cannot be a seed. */
export type RawRow =
  | { readonly line: number; readonly text: string; readonly answer?: string }
  | { readonly line: number; readonly sentence: string; readonly field?: string }

export interface RowReader {
  /** The rows that this piece of text completes. */
  push(text: string): RawRow[]
  /** The remaining rows at the end of the source. `whole` is false if an error cut it off. */
  end(whole: boolean): RawRow[]
}

/** Max characters of one line or row of cells; a longer one is a problem and is skipped, never buffered. */
export const LINE_LIMIT = 1_000_000
