// Knows: the plain format: {prompt, completion}, as read by TRL's trainers.
import { describeRow, systemOf, writeLines, type Exporter } from './exporter.ts'

export const promptCompletion: Exporter = {
  format: 'prompt-completion',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows) =>
    writeLines(rows, (row) => ({
      system: systemOf(row),
      prompt: row.prompt,
      completion: row.completion,
      ...describeRow(row),
    })),
}
