// Knows: the chat format: {messages: [{role, content}, …]}, as read by TRL, Axolotl and OpenAI.
import { promptMessagesOf, writeLines, type Exporter } from './exporter.ts'

export const messages: Exporter = {
  format: 'messages',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows, facts) =>
    writeLines(rows, facts, (row) => ({
      messages: [...promptMessagesOf(row), { role: 'assistant', content: row.completion }],
    })),
}
