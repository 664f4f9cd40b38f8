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
  /** Its value is no list of messages, so it was not read as the earlier ones. */
  | 'not-messages'
  /** Only the first of several answers was used. */
  | 'more-answers'
  /** Only the first instance of a Self-Instruct task was used. */
  | 'more-instances'
  /** Messages of a conversation that are kept before the prompt. */
  | 'system-message'
  | 'earlier-turn'
  /** Messages that are not used: first ones of a conversation that is too long, those after the prompt that are not its answer, empty ones, those of other senders, and a second system message. */
  | 'cut-turn'
  | 'unused-turn'
  | 'empty-message'
  | 'other-sender'
  | 'second-system'
  /** Parts of a message that are not text. */
  | 'part'
  /** A field's text was longer than a seed stores. */
  | 'cut-field'
  | 'more-fields'
  | 'list-mark'
  | 'skipped-line'
  | 'broken-character'
  | 'lost-character'
