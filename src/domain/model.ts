// Knows: language models as the rest of the program speaks of them: a teacher or judge is described, asked and scored.
// Must not know: files, tensors, workers.
import type { Problem } from './problem.ts'

export type ChatRole = 'system' | 'user' | 'assistant'
export interface ChatMessage {
  readonly role: ChatRole
  readonly content: string
}

/** What is asked of a model: a chat that its template renders, or text that it continues as it stands. */
export type Asked = { readonly kind: 'chat'; readonly messages: readonly ChatMessage[] } | { readonly kind: 'raw'; readonly text: string }

/** How tokens are drawn. */
export interface Sampling {
  /** 0 is greedy. */
  readonly temperature: number
  /** 0 keeps all. */
  readonly topK: number
  /** 1 keeps all. */
  readonly topP: number
  /** 0 keeps all. */
  readonly minP: number
  /** 1 changes nothing. */
  readonly repetitionPenalty: number
  /** Tokens written at most. */
  readonly maxTokens: number
  /** Texts at which the completion ends; not part of it. At most 8. */
  readonly stop: readonly string[]
  /** Seed of this row's draws alone. */
  readonly rngSeed: string
}

export const GREEDY: Omit<Sampling, 'maxTokens' | 'rngSeed'> = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, stop: [] }

/** Why a completion ended: the model said so (or a stop text came), the length ran out, or someone stopped it. */
export type Ending = 'end' | 'length' | 'aborted'

export interface CompletionRequest {
  /** Comes back with the result; unique within one call. */
  readonly id: string
  readonly asked: Asked
  readonly sampling: Sampling
}
export interface CompletionResult {
  readonly id: string
  readonly text: string
  readonly ending: Ending
  /** Tokens of the prompt and of the completion. */
  readonly promptTokens: number
  readonly tokens: number
  /** Why nothing could be written for this request (too long for the context): a sentence. One bad row ends no run. */
  readonly refusal?: string
}

/** Log-probabilities wanted for each of several continuations of the same text. */
export interface ScoreRequest {
  readonly id: string
  readonly asked: Asked
  /** Text the answer begins with before the continuations differ ("Score: "). */
  readonly answerPrefix?: string
  /** 1 to 16 texts. */
  readonly continuations: readonly string[]
}
export interface ScoreResult {
  readonly id: string
  /** Natural log of the probability of each continuation, whole (sum over its tokens). */
  readonly logProbs: readonly number[]
  /** Why there are none: a sentence. */
  readonly refusal?: string
}

/** Where a model's weights come from. Files cross a thread as handles: nothing is copied. */
export type ModelSource =
  | { readonly kind: 'file'; readonly file: File }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'stored'; readonly name: string }
  /** The teacher that comes with the page: an address of the page's own, which answers without a network too. */
  | { readonly kind: 'box'; readonly url: string }

/** What a model file says of itself, read from its header before anything is loaded. */
export interface ModelCard {
  /** From the file's metadata, else its file name. */
  readonly name: string
  readonly fileName: string
  readonly fileBytes: number
  readonly architecture: string
  readonly parameters: number
  /** Such as `Q4_1`; the type that most weights have. */
  readonly quantisation: string
  /** Tensor types and how many tensors have each. */
  readonly tensorTypes: Readonly<Record<string, number>>
  /** Tokens it was trained to attend to. */
  readonly contextLength: number
  readonly vocabularySize: number
  readonly layers: number
  readonly width: number
  /** Licence as the file names it, where it does. */
  readonly licence?: string
  /** Bytes that loading takes on each backend, weights and working memory. */
  readonly memoryBytes: { readonly wasm: number; readonly webgpu: number }
  /** First 16 hexadecimal digits of the SHA-256 of the header and of a look at the weights: names the model in provenance. */
  readonly fingerprint: string
  readonly hasChatTemplate: boolean
}

export type Backend = 'wasm' | 'webgpu'

/** What a loaded model can give: part of its type, checked before a recipe starts. */
export interface TeacherDescription {
  readonly card: ModelCard
  readonly backend: Backend
  /** Threads of the wasm backend; 1 where the page is not isolated. */
  readonly threads: number
  /** Tokens a prompt and its completion may take together. */
  readonly contextLength: number
  /** Rows that are worked on together. */
  readonly batch: number
  readonly gives: {
    readonly chat: boolean
    readonly rawPrompts: boolean
    readonly scores: boolean
  }
  readonly notes: readonly string[]
}

/** Who wrote or judged a text: what its record keeps of the model. */
export interface ModelRef {
  readonly name: string
  readonly fingerprint: string
  readonly quantisation: string
  readonly licence?: string
}

export const refOf = (card: ModelCard): ModelRef => ({
  name: card.name,
  fingerprint: card.fingerprint,
  quantisation: card.quantisation,
  ...(card.licence === undefined ? {} : { licence: card.licence }),
})

/** What this machine can do, in facts; the page puts them in words. */
export interface MachineFacts {
  readonly webgpu: { readonly available: boolean; readonly adapter?: string; readonly shaderF16: boolean; readonly why?: string }
  readonly threads: { readonly isolated: boolean; readonly count: number }
  /** GiB as the browser tells it (rounded, at most 8 in Chromium); undefined where it does not. */
  readonly memoryGiB?: number
  readonly storage?: { readonly quotaBytes: number; readonly usedBytes: number; readonly persisted: boolean }
}

export type ModelRefusal = Problem
