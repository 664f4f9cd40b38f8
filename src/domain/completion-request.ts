// Knows: requests to a language model for completions, scores and embeddings, and their results.
// Must not know: files, tensors, workers.
import type { Sampling } from './sampling.ts'

export type ChatRole = 'system' | 'user' | 'assistant'
/** A message of a conversation. */
export interface ChatMessage {
  readonly role: ChatRole
  readonly content: string
}

/** A model's input: a chat that its template renders, or raw text that it continues. */
export type PromptInput =
  | { readonly kind: 'chat'; readonly messages: readonly ChatMessage[] }
  | { readonly kind: 'raw'; readonly text: string }

/** Why a completion ended: at the end token or a stop text, at max tokens, or by an abort. */
export type FinishReason = 'end' | 'length' | 'aborted'

/** A format that constrains decoding. */
export type OutputFormat =
  | { readonly kind: 'json-schema'; readonly schema: string }
  | { readonly kind: 'grammar'; readonly ebnf: string }

export interface CompletionRequest {
  /** Comes back with the result; unique within one call. */
  readonly id: string
  readonly input: PromptInput
  readonly sampling: Sampling
  /** Top-k tokens to return with each token, 0 to the teacher's `capabilities.logProbs`. Absent: no log-probabilities at all. */
  readonly logProbs?: number
  /** Only for a teacher whose `capabilities.outputFormats` include it. */
  readonly format?: OutputFormat
  /** Lets a model that reasons do so before it responds. Absent or false: reasoning is switched off if the teacher can. */
  readonly thinking?: boolean
}

/** A generated token's log-probabilities (natural), before temperature and truncation. */
export interface TokenLogProbs {
  readonly text: string
  readonly logProb: number
  /** The most likely tokens at this position, the most likely first. */
  readonly top: readonly { readonly text: string; readonly logProb: number }[]
  /** Probability of all tokens that are not in `top`. */
  readonly restProbability: number
}

export interface CompletionResult {
  readonly id: string
  /** The response alone: reasoning is never part of it. */
  readonly text: string
  readonly finishReason: FinishReason
  /** What a reasoning model wrote before its response; absent if there is none. */
  readonly reasoning?: string
  /** True if the completion ended inside the reasoning: there is no response, and `text` is empty. */
  readonly unfinishedReasoning?: true
  /** Tokens of the prompt and of the completion. */
  readonly promptTokens: number
  readonly tokens: number
  /** One for each generated token; absent if the request has no `logProbs`. */
  readonly logProbs?: readonly TokenLogProbs[]
  /** Why this request has no completion (such as a prompt longer than the context): a sentence. One bad row does not end a run. */
  readonly refusal?: string
}

/** Requests the log-probability of each of several continuations of the same text. */
export interface ScoreRequest {
  readonly id: string
  readonly input: PromptInput
  /** Text that all continuations share ("Score: "). */
  readonly answerPrefix?: string
  /** 1 to 16 texts. */
  readonly continuations: readonly string[]
}

export interface ScoreResult {
  readonly id: string
  /** Natural log of each continuation's probability (the sum over its tokens). */
  readonly logProbs: readonly number[]
  /** What the judge wrote before it scored, if it may reason. */
  readonly reasoning?: string
  /** Why there are none: a sentence. */
  readonly refusal?: string
}

/** Requests a vector for the meaning of a text. */
export interface EmbedRequest {
  readonly id: string
  readonly text: string
}

/** Max numbers of a vector. */
export const MAX_EMBEDDING = 8192

export interface EmbedResult {
  readonly id: string
  /** Bits of 16-bit floats: a vector of length 1, so that the dot product of two is their cosine. Empty with a refusal. */
  readonly vector: Uint16Array
  /** True if the text is longer than the model reads: the vector is that of its beginning. */
  readonly cut?: true
  /** Why there is none: a sentence. */
  readonly refusal?: string
}
