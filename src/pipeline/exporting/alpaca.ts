// Knows: Alpaca's format: {instruction, input, output}. The whole prompt is in `instruction`: if a prompt has an input, it is part of
// its text.
import { describeRow, writeLines, type Exporter } from './exporter.ts'

export const alpaca: Exporter = {
  format: 'alpaca',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows) =>
    writeLines(
      rows.map((row) => ({
        instruction: row.prompt,
        input: '',
        output: row.completion,
        ...(row.system === '' ? {} : { system: row.system }),
        ...describeRow(row),
      })),
    ),
}
