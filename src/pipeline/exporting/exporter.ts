// Knows: what an export format is: rows of a dataset in, text of a file out.
import type { DatasetRow } from '../../domain/dataset.ts'

export interface Exporter {
  readonly format: string
  /** Extension of the file, with the dot. */
  readonly ending: string
  readonly mime: string
  /** The file in pieces, of a row at most each: a file may be longer than a text can be. The dataset's texts are unchanged. */
  write(rows: readonly DatasetRow[]): Iterable<string>
}

/** A record per row as a line of JSON; a row without a record has no line. */
export function* writeLines(
  rows: readonly DatasetRow[],
  toRecord: (row: DatasetRow) => object | undefined,
): Generator<string> {
  for (const row of rows) {
    const record = toRecord(row)
    if (record !== undefined) yield `${JSON.stringify(record)}\n`
  }
}

/**
 * The fields of every record in addition to its texts; readers ignore fields that they do not know. Every line has every field, null
 * where there is no value: loaders infer a file's columns from its first lines and fail on a field that appears later.
 */
export const describeRow = ({ rowId, seedId, split, score, editedByHand }: DatasetRow): object => ({
  split,
  score: score ?? null,
  edited_by_hand: editedByHand,
  row: rowId,
  seed: seedId,
})

/** The system prompt, null if there is none. */
export const systemOf = ({ system }: DatasetRow): string | null => (system === '' ? null : system)
