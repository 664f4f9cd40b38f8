// Knows: the format of preference pairs: {prompt, chosen, rejected} as lists of messages, as read by TRL's preference trainers.
// Source: TRL's documentation of dataset formats (conversational, preference, explicit prompt).
import { describeRow, writeLines, type Exporter } from './exporter.ts'

/** Rows without a rejected completion are skipped. */
export const preference: Exporter = {
  format: 'preference',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows) =>
    writeLines(
      rows.flatMap((row) => {
        const { rejected } = row
        if (rejected === undefined) return []
        const assistant = (content: string): object[] => [{ role: 'assistant', content }]
        return [
          {
            prompt: [
              ...(row.system === '' ? [] : [{ role: 'system', content: row.system }]),
              { role: 'user', content: row.prompt },
            ],
            chosen: assistant(row.completion),
            rejected: assistant(rejected.completion),
            ...(row.score === undefined ? {} : { score_chosen: row.score }),
            ...(rejected.score === undefined ? {} : { score_rejected: rejected.score }),
            ...describeRow(row),
          },
        ]
      }),
    ),
}
