// Knows: what generation is asked for and what it gives.
import type { TokenLogProbs } from './log-probs.ts'
import type { SamplingSettings } from './sampling.ts'

export interface GenerateRequest {
  /** Comes back with the result; unique within a call. */
  readonly id: string
  /** The prompt, at least one token. */
  readonly tokens: readonly number[]
  readonly sampling: SamplingSettings & {
    /** Tokens written at most. */
    readonly maxTokens: number
    /** Texts at which the completion ends; they are not part of it. */
    readonly stop: readonly string[]
    readonly rngSeed: string
  }
  /** Likeliest tokens to tell of at each written one, with their log-probabilities: 1 to 20. Absent: none. The text is the same either way. */
  readonly logProbs?: number
}

/** Choices at a place that a request may ask for. */
export const MOST_LOG_PROBS = 20

export interface GenerateResult {
  readonly id: string
  readonly text: string
  /** Tokens written, the end token left out. */
  readonly tokens: readonly number[]
  readonly ending: 'end' | 'length' | 'aborted'
  readonly promptTokens: number
  /** What the model said at each of `tokens`, where the request asked for it. */
  readonly logProbs?: TokenLogProbs
  /** Why nothing was written: a sentence. */
  readonly refusal?: string
}

export interface Scorable {
  readonly id: string
  /** What stands before every continuation, at least one token. */
  readonly tokens: readonly number[]
  /** Each of at least one token. */
  readonly continuations: readonly (readonly number[])[]
}

export interface Scored {
  readonly id: string
  /** Natural log of each continuation's probability, summed over its tokens. */
  readonly logProbs: readonly number[]
  readonly refusal?: string
}

/** What was worked on since a call began. */
export interface Progress {
  /** Prompt tokens computed, those of shared beginnings once. */
  readonly promptTokens: number
  /** Prompt tokens that did not have to be computed because a beginning was shared. */
  readonly sharedTokens: number
  readonly newTokens: number
  readonly ms: number
}

export interface Hooks<Result> {
  readonly signal?: AbortSignal
  readonly onResult: (result: Result) => void
  /** Text so far of a row, at most ten times a second for each. */
  readonly onPartial?: (id: string, text: string) => void
  /** At most ten times a second. */
  readonly onProgress?: (progress: Progress) => void
}
