// Knows: what can be reported of a row that was read: which column became what, and what was not used.

/** `amount` counts things within one row, such as turns; 1 if absent. */
export interface Note {
  readonly kind: NoteKind
  /** Column or field; absent for notes that concern none. */
  readonly name?: string
  readonly amount?: number
}

export type NoteKind =
  /** Read as the prompt, as the answer, put into the prompt, kept with the seed, not used. */
  | 'prompt'
  | 'chat'
  | 'answer'
  | 'context'
  | 'field'
  | 'ignored'
  /** Its value is a list or a record, so it was not read as an answer. */
  | 'not-an-answer'
  /** Only the first of several answers was used. */
  | 'more-answers'
  /** Only the first instance of a Self-Instruct task was used. */
  | 'more-instances'
  /** Parts of a chat that are not used. */
  | 'later-turn'
  | 'system-message'
  | 'earlier-turn'
  | 'part'
  /** A field's text was longer than a seed stores. */
  | 'cut-field'
  | 'more-fields'
  | 'list-mark'
  | 'skipped-line'
  | 'broken-character'
  | 'lost-character'
