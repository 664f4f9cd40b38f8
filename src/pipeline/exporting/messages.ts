// Knows: the chat format: {messages: [{role, content}, …]}, as read by TRL, Axolotl and OpenAI.
import { describeRow, writeLines, type Exporter } from './exporter.ts'

export const messages: Exporter = {
  format: 'messages',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows) =>
    writeLines(rows, (row) => ({
      messages: [
        ...(row.system === '' ? [] : [{ role: 'system', content: row.system }]),
        { role: 'user', content: row.prompt },
        { role: 'assistant', content: row.completion },
      ],
      ...describeRow(row),
    })),
}
