// Knows: a teacher's stored soft targets for a dataset, as they are listed; and the share of a teacher in a student's training.

/** A file of soft targets, as its header describes it. */
export interface StoredSoftTargets {
  readonly file: string
  /** Name of the model; absent in the oldest files. */
  readonly name?: string
  readonly fingerprint: string
  /** k: tokens stored for each distribution. */
  readonly topK: number
  readonly temperature: number
  /** Width of its hidden states, if they are stored too. */
  readonly hiddenWidth?: number
  /** Equal if the teachers share the same vocabulary with a student. */
  readonly vocabulary: string
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly savedAt: number
}

/** A teacher whose soft targets a student learns from. */
export interface TeacherShare {
  readonly name: string
  readonly fingerprint: string
  /** Above 0. A row learns from this teacher with the probability weight / sum of all weights. */
  readonly weight: number
  /** The file of its soft targets; absent until they are computed. */
  readonly softTargets?: string
}

/** A model's name, or its fingerprint if it has none. */
export const nameOfSoftTargets = ({
  name,
  fingerprint,
}: Pick<StoredSoftTargets, 'name' | 'fingerprint'>): string => name ?? `a model (${fingerprint.slice(0, 8)})`
