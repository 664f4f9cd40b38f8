// Knows: the contract that the teacher's worker serves to the student's worker directly while the teacher is lent.
import type { ChatMessage } from '../domain/completion-request.ts'
import type { Method } from './contract.ts'

/** A prompt of the dataset with the student's completion. */
export interface StudentCompletion {
  /** Empty if there is none. */
  readonly system: string
  /** The messages before the prompt, if there are any. */
  readonly earlier?: readonly ChatMessage[]
  readonly prompt: string
  /** Token ids of the student's vocabulary, as generated; the teacher may tokenize the same text differently. Includes the end token. */
  readonly tokens: Uint16Array
}

/** The teacher's distributions at each of the first `ids.length / topK` tokens of a completion. */
export interface CompletionSoftTargets {
  /** k: tokens listed for each distribution. */
  readonly topK: number
  /** [tokens, k], ids of the student's vocabulary, the most likely first. */
  readonly ids: Uint16Array
  /** [tokens, k + 1]: their probabilities, and last the remaining mass. */
  readonly probabilities: Float32Array
}

export interface LentTeacherContract {
  /**
   * Distributions for completions, in their order, up to and including the first token of each that is not in the teacher's vocabulary
   * (such as the end token); none for a completion that does not fit the teacher's context. Throws `NotLoaded` if the teacher is unloaded.
   */
  computeSoftTargets: Method<
    { readonly completions: readonly StudentCompletion[] },
    readonly CompletionSoftTargets[]
  >
}
