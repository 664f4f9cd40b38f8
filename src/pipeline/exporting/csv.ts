// Knows: the dataset as a table. Cells are quoted but never changed, even if a text begins with =, +, - or @. A spreadsheet may read
// such a cell as a formula; the data card warns of it. Lists are JSON; each field has a column of its own.
import Papa from 'papaparse'
import { readFieldNames, splitPrompt, writerOf, type Exporter } from './exporter.ts'

const COLUMNS = [
  'split',
  'system',
  'prompt',
  'completion',
  'score',
  'edited_by_hand',
  'row',
  'seed',
  'earlier',
  'scores',
  'written_by',
  'licence',
]

export const csv: Exporter = {
  format: 'csv',
  ending: '.csv',
  mime: 'text/csv',
  *write(rows, facts) {
    const writeRow = (cells: readonly unknown[]): string =>
      `${Papa.unparse([cells], { newline: '\r\n', escapeFormulae: false })}\r\n` // line ends as in RFC 4180
    const writeList = (list: readonly unknown[]): string => (list.length === 0 ? '' : JSON.stringify(list))
    const names = [...readFieldNames(rows).keys()]
    yield writeRow([...COLUMNS, ...names.map((name) => `field.${name}`)])
    for (const row of rows) {
      const { system, earlier } = splitPrompt(row)
      const { fields = {} } = row
      const writer = writerOf(row, facts)
      yield writeRow([
        row.split,
        system ?? '',
        row.prompt,
        row.completion,
        row.score ?? '',
        row.editedByHand,
        row.rowId,
        row.seedId,
        writeList(earlier),
        writeList(row.scores ?? []),
        writer.name ?? '',
        writer.licence ?? '',
        ...names.map((name) => (Object.hasOwn(fields, name) ? fields[name] : '')),
      ])
    }
  },
}
