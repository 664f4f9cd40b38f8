// Knows: what a reader of a seed format is: text goes in in pieces, rows come out.
import type { ColumnMapping, ColumnPreview } from '../../domain/column-mapping.ts'
import type { ChatMessage } from '../../domain/completion-request.ts'
import type { Note } from './notes.ts'

/** What a record or a row of cells is read as, or why it cannot be a seed. */
export type RecordRead =
  | {
      readonly text: string
      /** The messages before it, if it is the last turn of a conversation. */
      readonly earlier?: readonly ChatMessage[]
      readonly answer?: string
      readonly fields?: Readonly<Record<string, string>>
      readonly notes?: readonly Note[]
    }
  | { readonly sentence: string; readonly field?: string }

/** The same with its line; a row without a seed and without an error (skipped lines) has only notes. */
export type RawRow = { readonly line: number } & (RecordRead | { readonly skipped: readonly Note[] })

export interface RowReader {
  /** The rows that this piece of text completes. */
  push(text: string): RawRow[]
  /** The remaining rows at the end of the source. `whole` is false if an error cut it off. */
  end(whole: boolean): RawRow[]
}

/**
 * Called once by a reader of columns, as soon as it knows them: how they are to be read. `recognised`: the roles that known names
 * have. `undefined`: not at all; then the reader returns no rows.
 */
export type Decide = (preview: ColumnPreview) => ColumnPlan | undefined
export type ColumnPlan = 'recognised' | ColumnMapping

/** Without a person: known names, else the guess. */
export const decideAlone: Decide = (preview) =>
  preview.origin === 'recognised'
    ? 'recognised'
    : { form: preview.form, header: preview.header, columns: preview.columns }

/** Max characters of one line or row of cells; a longer one is a problem and is skipped, never buffered. */
export const LINE_LIMIT = 1_000_000
/** Characters from which a reader decides about columns, marks between cells and list marks. */
export const HEAD_CHARACTERS = 65_536
/** Rows that a preview shows, and those from which roles are guessed. */
export const PREVIEW_ROWS = 8
export const SAMPLE_ROWS = 50
