// Knows: the plain format: {prompt, completion}, as read by TRL's trainers. The messages between system message and prompt are in `earlier`.
import { splitPrompt, writeLines, type Exporter } from './exporter.ts'

export const promptCompletion: Exporter = {
  format: 'prompt-completion',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows, facts) =>
    writeLines(rows, facts, (row) => ({
      ...splitPrompt(row),
      prompt: row.prompt,
      completion: row.completion,
    })),
}
