// Knows: the requests and results of generation.
import type { GeneratedLogProbs } from './log-probs.ts'
import type { SamplingSettings } from './sampling.ts'

export interface GenerateRequest {
  /** Comes back with the result; unique within a call. */
  readonly id: string
  /** The prompt, at least one token. */
  readonly tokens: readonly number[]
  readonly sampling: SamplingSettings & {
    /** Max tokens generated. */
    readonly maxTokens: number
    /** Texts at which the completion ends; they are not part of it. */
    readonly stop: readonly string[]
    readonly rngSeed: string
  }
  /**
   * Number k of most likely tokens returned with each generated one, with their log-probabilities: 1 to 20.
   * Absent: none. The text is the same either way.
   */
  readonly logProbs?: number
}

/** Max of `logProbs` in a request. */
export const MAX_LOG_PROBS = 20

export interface GenerateResult {
  readonly id: string
  readonly text: string
  /** Generated tokens, without the end token. */
  readonly tokens: readonly number[]
  readonly finishReason: 'end' | 'length' | 'aborted'
  readonly promptTokens: number
  /** For each of `tokens`, if the request sets `logProbs`. */
  readonly logProbs?: GeneratedLogProbs
  /** Why nothing was generated: a sentence. */
  readonly refusal?: string
}

export interface ScoreInput {
  readonly id: string
  /** The text before every continuation, at least one token. */
  readonly tokens: readonly number[]
  /** Each of at least one token. */
  readonly continuations: readonly (readonly number[])[]
}

export interface ScoreOutput {
  readonly id: string
  /** Natural log of each continuation's probability, summed over its tokens. */
  readonly logProbs: readonly number[]
  readonly refusal?: string
}

/** Tokens processed since a call began. */
export interface GenerationProgress {
  /** Prompt tokens computed, those of shared prefixes once. */
  readonly promptTokens: number
  /** Prompt tokens that a shared prefix saved. */
  readonly sharedTokens: number
  readonly newTokens: number
  readonly ms: number
}

export interface Hooks<Result> {
  readonly signal?: AbortSignal
  readonly onResult: (result: Result) => void
  /** Text of a row so far, at most ten times a second for each. */
  readonly onPartial?: (id: string, text: string) => void
  /** At most ten times a second. */
  readonly onProgress?: (progress: GenerationProgress) => void
}
