// Knows: a teacher's stored soft targets for a dataset, as they are listed; and the share of a teacher in a student's training.
import { nameChatFormat, type ChatFormat } from './chat-format.ts'

/** A file of soft targets, as its header describes it. */
export interface StoredSoftTargets {
  readonly file: string
  /** Name of the model; absent in the oldest files. */
  readonly name?: string
  readonly fingerprint: string
  /** The chat format that it was loaded with; absent: its own template. */
  readonly chatFormat?: ChatFormat
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

/** A model's name, or its fingerprint if it has none; and the chat format if it is not its own. */
export const nameOfSoftTargets = ({
  name,
  fingerprint,
  chatFormat,
}: Pick<StoredSoftTargets, 'name' | 'fingerprint' | 'chatFormat'>): string =>
  `${name ?? `a model (${fingerprint.slice(0, 8)})`}${chatFormat === undefined ? '' : `, with the chat template of ${nameChatFormat(chatFormat)}`}`
