// Knows: the dataset as a table. Cells are quoted but never changed: a text that begins with =, +, - or @ stays as it is, so that the
// data are the data. A spreadsheet may take such a cell for a formula; the data card says so.
import Papa from 'papaparse'
import type { Exporter } from './exporter.ts'

const COLUMNS = ['split', 'system', 'prompt', 'completion', 'score', 'edited_by_hand', 'row', 'seed']

export const csv: Exporter = {
  format: 'csv',
  ending: '.csv',
  mime: 'text/csv',
  write(rows) {
    const data = rows.map((row) => [
      row.split,
      row.system,
      row.prompt,
      row.completion,
      row.score ?? '',
      row.editedByHand,
      row.rowId,
      row.seedId,
    ])
    return `${Papa.unparse([COLUMNS, ...data], { newline: '\r\n', escapeFormulae: false })}\r\n` // RFC 4180's line ends
  },
}
