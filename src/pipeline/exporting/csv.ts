// Knows: the dataset as a table. Cells are quoted but never changed, even if a text begins with =, +, - or @. A spreadsheet may read
// such a cell as a formula; the data card warns of it.
import Papa from 'papaparse'
import type { Exporter } from './exporter.ts'

const COLUMNS = ['split', 'system', 'prompt', 'completion', 'score', 'edited_by_hand', 'row', 'seed']

export const csv: Exporter = {
  format: 'csv',
  ending: '.csv',
  mime: 'text/csv',
  *write(rows) {
    const writeRow = (cells: readonly unknown[]): string =>
      `${Papa.unparse([cells], { newline: '\r\n', escapeFormulae: false })}\r\n` // line ends as in RFC 4180
    yield writeRow(COLUMNS)
    for (const row of rows)
      yield writeRow([
        row.split,
        row.system,
        row.prompt,
        row.completion,
        row.score ?? '',
        row.editedByHand,
        row.rowId,
        row.seedId,
      ])
  },
}
