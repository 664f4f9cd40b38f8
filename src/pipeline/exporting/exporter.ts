// Knows: what every export format is: rows of a dataset in, text of a file out.
import type { DatasetRow } from '../../domain/dataset.ts'

export interface Exporter {
  readonly format: string
  /** Ending of the file's name, with the dot. */
  readonly ending: string
  readonly mime: string
  /** The whole file. Texts stand in it exactly as in the dataset. */
  write(rows: readonly DatasetRow[]): string
}

/** One JSON record a line. */
export const writeLines = (records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('')

/** What every record says of its row beside the texts; readers that do not know these fields pass over them. */
export const describeRow = ({ rowId, seedId, split, score, editedByHand }: DatasetRow): object => ({
  split,
  ...(score === undefined ? {} : { score }),
  ...(editedByHand ? { edited_by_hand: true } : {}),
  row: rowId,
  seed: seedId,
})
