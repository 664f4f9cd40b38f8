// Knows: what an export format is: rows of a dataset in, text of a file out; and what every record says of its row.
import type { ChatMessage } from '../../domain/completion-request.ts'
import { writeConversation } from '../../domain/conversation.ts'
import type { Dataset, DatasetRow } from '../../domain/dataset.ts'
import type { ModelRef } from '../../domain/model-card.ts'

/** What a row's own record does not say: its dataset's models. */
export type ExportFacts = Partial<Pick<Dataset, 'teacher' | 'judges' | 'models'>>

export interface Exporter {
  readonly format: string
  /** Extension of the file, with the dot. */
  readonly ending: string
  readonly mime: string
  /** The file in pieces, of a row at most each: a file may be longer than a text can be. The dataset's texts are unchanged. */
  write(rows: readonly DatasetRow[], facts: ExportFacts): Iterable<string>
}

/** A record per row as a line of JSON, which ends with what is said of the row; a row without a record has no line. */
export function* writeLines(
  rows: readonly DatasetRow[],
  facts: ExportFacts,
  toRecord: (row: DatasetRow) => object | undefined,
): Generator<string> {
  const describe = describeRows(rows, facts)
  for (const row of rows) {
    const record = toRecord(row)
    if (record !== undefined) yield `${JSON.stringify({ ...record, ...describe(row) })}\n`
  }
}

/** The names of the rows' fields, and how the values of each are written: as numbers only if all are. */
export function readFieldNames(rows: readonly DatasetRow[]): ReadonlyMap<string, 'number' | 'text'> {
  const kinds = new Map<string, 'number' | 'text'>()
  for (const { fields = {} } of rows)
    for (const [name, value] of Object.entries(fields))
      kinds.set(name, typeof value === 'number' && kinds.get(name) !== 'text' ? 'number' : 'text')
  return kinds
}

/** The model that wrote a row, with its licence if it is known; null if it is not. */
export function writerOf(
  { writtenBy }: DatasetRow,
  { teacher, judges = [], models: others = {} }: ExportFacts,
): { readonly name: string | null; readonly licence: string | null } {
  const models: readonly ModelRef[] = [...(teacher ? [teacher] : []), ...Object.values(others), ...judges]
  const name = writtenBy ?? teacher?.name
  return { name: name ?? null, licence: models.find((model) => model.name === name)?.licence ?? null }
}

/**
 * The fields of every record in addition to its texts; readers ignore fields that they do not know. Every line has every field of one type,
 * null where there is no value: loaders infer a file's columns from its first lines and fail on a field that appears later.
 */
function describeRows(rows: readonly DatasetRow[], facts: ExportFacts): (row: DatasetRow) => object {
  const names = [...readFieldNames(rows)]
  return (row) => {
    const { rowId, seedId, split, score, editedByHand, scores = [], fields = {} } = row
    const writer = writerOf(row, facts)
    return {
      split,
      score: score ?? null,
      scores,
      written_by: writer.name,
      licence: writer.licence,
      edited_by_hand: editedByHand,
      fields:
        names.length === 0
          ? null
          : Object.fromEntries(
              names.map(([name, kind]) => {
                const value = Object.hasOwn(fields, name) ? fields[name] : undefined
                return [name, value === undefined ? null : kind === 'text' ? String(value) : value]
              }),
            ),
      row: rowId,
      seed: seedId,
    }
  }
}

/** All messages up to the prompt. */
export const promptMessagesOf = ({ system, earlier, prompt }: DatasetRow): ChatMessage[] =>
  writeConversation({ system, earlier, prompt })

/** The system message of a row, null if there is none, and the messages between it and the prompt. */
export function splitPrompt(row: DatasetRow): {
  readonly system: string | null
  readonly earlier: readonly ChatMessage[]
} {
  const before = promptMessagesOf(row).slice(0, -1)
  const [first] = before
  return first?.role === 'system'
    ? { system: first.content, earlier: before.slice(1) }
    : { system: null, earlier: before }
}
