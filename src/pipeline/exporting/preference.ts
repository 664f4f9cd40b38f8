// Knows: the format of preference pairs: {prompt, chosen, rejected} as lists of messages, as read by TRL's preference trainers.
// Source: TRL's documentation of dataset formats (conversational, preference, explicit prompt).
import { promptMessagesOf, writeLines, type Exporter } from './exporter.ts'

/** Rows without a rejected completion are skipped. */
export const preference: Exporter = {
  format: 'preference',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows, facts) =>
    writeLines(rows, facts, (row) => {
      const { rejected } = row
      if (rejected === undefined) return undefined
      const assistant = (content: string): object[] => [{ role: 'assistant', content }]
      return {
        prompt: promptMessagesOf(row),
        chosen: assistant(row.completion),
        rejected: assistant(rejected.completion),
        score_chosen: row.score ?? null,
        score_rejected: rejected.score ?? null,
      }
    }),
}
