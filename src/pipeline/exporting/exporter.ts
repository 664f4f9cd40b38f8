// Knows: what an export format is: rows of a dataset in, text of a file out.
import type { DatasetRow } from '../../domain/dataset.ts'

export interface Exporter {
  readonly format: string
  /** Extension of the file, with the dot. */
  readonly ending: string
  readonly mime: string
  /** The whole file, with the dataset's texts unchanged. */
  write(rows: readonly DatasetRow[]): string
}

/** One JSON record per line. */
export const writeLines = (records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('')

/** The fields of every record in addition to its texts; readers ignore fields that they do not know. */
export const describeRow = ({ rowId, seedId, split, score, editedByHand }: DatasetRow): object => ({
  split,
  ...(score === undefined ? {} : { score }),
  ...(editedByHand ? { edited_by_hand: true } : {}),
  row: rowId,
  seed: seedId,
})
