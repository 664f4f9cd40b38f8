// Knows: a teacher's stored probabilities along a dataset, as they are listed; and the share that a teacher has in a student.

/** A file of probabilities, by what its header says. */
export interface StoredTrace {
  readonly file: string
  /** Name of the model; absent in files of before. */
  readonly name?: string
  readonly fingerprint: string
  /** k: tokens listed for each distribution. */
  readonly choices: number
  readonly temperature: number
  /** Width of its hidden states, where they are stored too. */
  readonly hiddenWidth?: number
  /** Equal where teachers share a vocabulary with a student alike. */
  readonly vocabulary: string
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly savedAt: number
}

/** A teacher whose probabilities a student learns from. */
export interface TeacherShare {
  readonly name: string
  readonly fingerprint: string
  /** Above 0. Of the sum of all weights this is the probability with which a row of a step learns from this teacher. */
  readonly weight: number
  /** The file of its probabilities; absent until it was asked. */
  readonly trace?: string
}

/** A model's name, or what is known of one without. */
export const nameOfTrace = ({ name, fingerprint }: Pick<StoredTrace, 'name' | 'fingerprint'>): string =>
  name ?? `a model (${fingerprint.slice(0, 8)})`
