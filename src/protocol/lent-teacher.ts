// Knows: the contract that the teacher's worker serves to the student's worker, past the page, for as long as the teacher is lent.
import type { Method } from './contract.ts'

/** A prompt of the dataset, and what the student answered. */
export interface AnswerOfStudent {
  /** Empty where there is none. */
  readonly system: string
  readonly prompt: string
  /** In the student's numbers; cut as the student wrote it, which need not be how the teacher would cut the text. The end token is one of them. */
  readonly tokens: Uint16Array
}

/** The teacher's distributions before each of the first `ids.length / choices` tokens of an answer. */
export interface TracedAnswer {
  /** k: tokens listed for each. */
  readonly choices: number
  /** [tokens, k], in the student's numbers, the likeliest first. */
  readonly ids: Uint16Array
  /** [tokens, k + 1]: their probabilities, and last that of all other tokens together. */
  readonly probabilities: Float32Array
}

export interface LentTeacherContract {
  /**
   * Distributions along answers, in their order, up to and including the first token of each that the teacher does not have (such as
   * its end); none for an answer that does not fit the teacher's context. Throws `NotLoaded` where the teacher is not there any more.
   */
  trace: Method<{ readonly answers: readonly AnswerOfStudent[] }, readonly TracedAnswer[]>
}
