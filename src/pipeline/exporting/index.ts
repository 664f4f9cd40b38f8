// Knows: all export formats of a dataset.
import type { DatasetRow } from '../../domain/dataset.ts'
import { alpaca } from './alpaca.ts'
import { csv } from './csv.ts'
import type { Exporter, ExportFacts } from './exporter.ts'
import { messages } from './messages.ts'
import { preference } from './preference.ts'
import { promptCompletion } from './prompt-completion.ts'

export const exporters: readonly Exporter[] = [messages, promptCompletion, alpaca, preference, csv]

export interface ExportedText {
  /** Extension of the file, with the dot. */
  readonly ending: string
  readonly mime: string
  /** The file's text in pieces: joined, it may be longer than a text can be. */
  readonly pieces: Iterable<string>
}

/** A dataset's rows in one format; `facts` are its models. Throws a RangeError on an unknown format. */
export function exportRows(
  rows: readonly DatasetRow[],
  format: string,
  facts: ExportFacts = {},
): ExportedText {
  const exporter = exporters.find((known) => known.format === format)
  if (!exporter) throw new RangeError(`no export format called ${format}`)
  return { ending: exporter.ending, mime: exporter.mime, pieces: exporter.write(rows, facts) }
}
