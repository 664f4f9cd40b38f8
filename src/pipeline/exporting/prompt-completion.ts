// Knows: the plain format: {prompt, completion}, as read by TRL's trainers.
import { describeRow, writeLines, type Exporter } from './exporter.ts'

export const promptCompletion: Exporter = {
  format: 'prompt-completion',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows) =>
    writeLines(
      rows.map((row) => ({
        ...(row.system === '' ? {} : { system: row.system }),
        prompt: row.prompt,
        completion: row.completion,
        ...describeRow(row),
      })),
    ),
}
