// Knows: the format of preference pairs: {prompt, chosen, rejected} as lists of messages, as read by TRL's preference trainers.
// Source: TRL's documentation of dataset formats (conversational, preference, explicit prompt).
import { describeRow, writeLines, type Exporter } from './exporter.ts'

/** Rows without a rejected completion are skipped. */
export const preference: Exporter = {
  format: 'preference',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows) =>
    writeLines(rows, (row) => {
      const { rejected } = row
      if (rejected === undefined) return undefined
      const assistant = (content: string): object[] => [{ role: 'assistant', content }]
      return {
        prompt: [
          ...(row.system === '' ? [] : [{ role: 'system', content: row.system }]),
          { role: 'user', content: row.prompt },
        ],
        chosen: assistant(row.completion),
        rejected: assistant(rejected.completion),
        score_chosen: row.score ?? null,
        score_rejected: rejected.score ?? null,
        ...describeRow(row),
      }
    }),
}
