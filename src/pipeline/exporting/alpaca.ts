// Knows: Alpaca's format: {instruction, input, output}. The whole prompt is in `instruction`: if a prompt has an input, it is part of
// its text.
import { describeRow, systemOf, writeLines, type Exporter } from './exporter.ts'

export const alpaca: Exporter = {
  format: 'alpaca',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows) =>
    writeLines(rows, (row) => ({
      instruction: row.prompt,
      input: '',
      output: row.completion,
      system: systemOf(row),
      ...describeRow(row),
    })),
}
