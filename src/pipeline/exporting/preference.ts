// Knows: the form of preference pairs: {prompt, chosen, rejected} as lists of messages, as TRL's preference trainers read it.
// Source: TRL's documentation of dataset formats (conversational, preference, explicit prompt).
import { describeRow, writeLines, type Exporter } from './exporter.ts'

/** Rows without a rejected completion are no pairs and are left out. */
export const preference: Exporter = {
  format: 'preference',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows) =>
    writeLines(
      rows.flatMap((row) => {
        const { rejected } = row
        if (rejected === undefined) return []
        const says = (content: string): object[] => [{ role: 'assistant', content }]
        return [
          {
            prompt: [
              ...(row.system === '' ? [] : [{ role: 'system', content: row.system }]),
              { role: 'user', content: row.prompt },
            ],
            chosen: says(row.completion),
            rejected: says(rejected.completion),
            ...(row.score === undefined ? {} : { score_chosen: row.score }),
            ...(rejected.score === undefined ? {} : { score_rejected: rejected.score }),
            ...describeRow(row),
          },
        ]
      }),
    ),
}
