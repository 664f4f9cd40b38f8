// Knows: language models as the rest of the program speaks of them: a teacher or judge is described, asked and scored.
// Must not know: files, tensors, workers.
import type { ProjectId, StudentId } from './id.ts'
import type { Problem } from './problem.ts'

export type ChatRole = 'system' | 'user' | 'assistant'
export interface ChatMessage {
  readonly role: ChatRole
  readonly content: string
}

/** What is asked of a model: a chat that its template renders, or text that it continues as it stands. */
export type Asked =
  | { readonly kind: 'chat'; readonly messages: readonly ChatMessage[] }
  | { readonly kind: 'raw'; readonly text: string }

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

/** Settings of a draw that not every teacher takes; temperature and length all take. */
export const SAMPLING_NAMES = ['topK', 'topP', 'minP', 'repetitionPenalty'] as const
export type SamplingName = (typeof SAMPLING_NAMES)[number]

export const GREEDY: Omit<Sampling, 'maxTokens' | 'rngSeed'> = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  stop: [],
}

/** Why a completion ended: the model said so (or a stop text came), the length ran out, or someone stopped it. */
export type Ending = 'end' | 'length' | 'aborted'

/** A form that a completion is held to while it is written. */
export type AnswerFormat =
  | { readonly kind: 'json-schema'; readonly schema: string }
  | { readonly kind: 'grammar'; readonly ebnf: string }

export interface CompletionRequest {
  /** Comes back with the result; unique within one call. */
  readonly id: string
  readonly asked: Asked
  readonly sampling: Sampling
  /** Likeliest tokens to tell with each written one, 0 to what the teacher `gives`. Absent: none, and no log-probabilities either. */
  readonly logProbs?: number
  /** Only of a teacher that `gives` this form. */
  readonly format?: AnswerFormat
}

/** What a teacher found of a token that it wrote: natural logs of probabilities, before temperature and cuts. */
export interface WrittenToken {
  readonly text: string
  readonly logProb: number
  /** The likeliest tokens in its place, likeliest first. */
  readonly likeliest: readonly { readonly text: string; readonly logProb: number }[]
  /** Probability of all tokens that are not among `likeliest`. */
  readonly tail: number
}
export interface CompletionResult {
  readonly id: string
  readonly text: string
  readonly ending: Ending
  /** Tokens of the prompt and of the completion. */
  readonly promptTokens: number
  readonly tokens: number
  /** One for each written token, where they were asked for. */
  readonly logProbs?: readonly WrittenToken[]
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

/** A file of a model that has several, with its place among them, such as `onnx/model.onnx`. */
export interface ModelFile {
  readonly path: string
  readonly file: File
}

/** One of the models that a folder or a page of a hub holds: weights in one precision, with the small files beside them. */
export interface ModelVariant {
  /** The place of its weights, such as `onnx/model_q4.onnx`; of weights in parts, where they would be in one file. */
  readonly id: string
  readonly form: 'gguf' | 'safetensors' | 'onnx'
  /** Of all its files together. */
  readonly bytes: number
  /** Places of all its files. */
  readonly files: readonly string[]
}

/** What a model's page on a hub holds. */
export interface HubListing {
  /** Owner and name, such as `HuggingFaceTB/SmolLM2-135M-Instruct`. */
  readonly name: string
  /** The commit that a branch's name stood for when it was asked. */
  readonly commit: string
  readonly licence?: string
  readonly variants: readonly ModelVariant[]
}

/** Where a model comes from. Files cross a thread as handles: nothing is copied. */
export type ModelSource =
  | { readonly kind: 'file'; readonly file: File }
  /** A folder picked from disk, or the parts of a split file. */
  | { readonly kind: 'files'; readonly name: string; readonly files: readonly ModelFile[] }
  /** A GGUF file at an address. */
  | { readonly kind: 'url'; readonly url: string }
  /** A folder of files on a model hub: the address of the model's page there, and which of its models where it holds several. */
  | { readonly kind: 'hub'; readonly url: string; readonly variant?: string }
  /** A file or a folder that is kept in this browser. */
  | { readonly kind: 'stored'; readonly name: string }
  /** The teacher that comes with the page: an address of the page's own, which answers without a network too. */
  | { readonly kind: 'box'; readonly url: string }
  /** A student that was trained here. */
  | { readonly kind: 'student'; readonly projectId: ProjectId; readonly studentId: StudentId }
  /** A model of WebLLM's catalogue, by its id there. */
  | { readonly kind: 'web-llm'; readonly model: string }
  /** A program that serves models by OpenAI's protocol; `url` ends before `/chat/completions`. */
  | { readonly kind: 'endpoint'; readonly url: string; readonly model: string; readonly key?: string }

/** A model that has to be downloaded. */
export type RemoteSource = Extract<ModelSource, { readonly kind: 'url' | 'hub' }>

/** In which form a model comes: it decides what runs it. */
export type ModelForm = 'gguf' | 'safetensors' | 'onnx' | 'student' | 'web-llm' | 'endpoint'

/** What a model says of itself before anything is loaded. Sizes are absent where whoever runs it does not tell them. */
export interface ModelCard {
  /** From the file's metadata, else its file name. */
  readonly name: string
  readonly form: ModelForm
  /** Of the file, or of the folder. */
  readonly fileName: string
  readonly fileBytes?: number
  readonly architecture: string
  readonly parameters?: number
  /** Such as `Q4_1`; the type that most weights have. */
  readonly quantisation: string
  /** Tensor types and how many tensors have each. */
  readonly tensorTypes: Readonly<Record<string, number>>
  /** Tokens it was trained to attend to. */
  readonly contextLength?: number
  readonly vocabularySize?: number
  readonly layers?: number
  readonly width?: number
  /** Licence as the file names it, where it does. */
  readonly licence?: string
  /** Where on a hub it was had from: the address of its page at the commit. */
  readonly origin?: string
  /** Bytes that loading takes on each backend, weights and working memory. */
  readonly memoryBytes?: { readonly wasm: number; readonly webgpu: number }
  /** Bytes that it takes on the graphics card, of a model that runs nowhere else. */
  readonly graphicsBytes?: number
  /** 16 hexadecimal digits that name the model in provenance: of a hash of its header and of a look at its weights, or of what else tells it from others. */
  readonly fingerprint: string
  readonly hasChatTemplate: boolean
}

/** The card of weights that this program reads itself. */
export type SizedCard = ModelCard &
  Required<
    Pick<
      ModelCard,
      'fileBytes' | 'parameters' | 'contextLength' | 'vocabularySize' | 'layers' | 'width' | 'memoryBytes'
    >
  >

export function isSized(card: ModelCard): card is SizedCard {
  const { fileBytes, parameters, contextLength, vocabularySize, layers, width, memoryBytes } = card
  return [fileBytes, parameters, contextLength, vocabularySize, layers, width, memoryBytes].every(
    (size) => size !== undefined,
  )
}

export type Backend = 'wasm' | 'webgpu'

/** In which form weights that are read here lie in memory: floats, or four bits where that is exact. */
export type WeightForm = 'f32' | 'nb4s'

/** What a teacher can give; a recipe that needs more is stopped before it starts. */
export interface TeacherGives {
  readonly chat: boolean
  readonly rawPrompts: boolean
  /** Log-probabilities of given continuations: what a judge is read from. */
  readonly scores: boolean
  /** What it finds of every token along a given text, in its own tokens: what students learn from probabilities. */
  readonly traces: boolean
  /** Likeliest tokens told with each written one, at most; 0: none. */
  readonly logProbs: number
  /** Settings of a draw that it takes besides temperature and length. */
  readonly sampling: readonly SamplingName[]
  /** The same seed draws the same text again. */
  readonly seeded: boolean
  /** Forms that an answer can be held to. */
  readonly formats: readonly AnswerFormat['kind'][]
}

/** What a loaded model is and can give: part of its type, checked before a recipe starts. */
export interface TeacherDescription {
  readonly card: ModelCard
  /** What computes: this page's processor or graphics card, or a program elsewhere. */
  readonly backend: Backend | 'server'
  /** Threads of the wasm backend; 1 where the page is not isolated, and where another program computes. */
  readonly threads: number
  /** Tokens a prompt and its completion may take together. */
  readonly contextLength: number
  /** Rows that are worked on together. */
  readonly batch: number
  /** How the weights lie in memory, where they are read here. */
  readonly weights?: WeightForm
  readonly gives: TeacherGives
  readonly notes: readonly string[]
}

/** Who wrote or judged a text: what its record keeps of the model. */
export interface ModelRef {
  readonly name: string
  readonly fingerprint: string
  readonly quantisation: string
  readonly licence?: string
  readonly origin?: string
}

export const refOf = (card: ModelCard): ModelRef => ({
  name: card.name,
  fingerprint: card.fingerprint,
  quantisation: card.quantisation,
  ...(card.licence === undefined ? {} : { licence: card.licence }),
  ...(card.origin === undefined ? {} : { origin: card.origin }),
})

/** What this machine can do, in facts; the page puts them in words. */
export interface MachineFacts {
  readonly webgpu: {
    readonly available: boolean
    readonly adapter?: string
    readonly shaderF16: boolean
    readonly why?: string
  }
  readonly threads: { readonly isolated: boolean; readonly count: number }
  /** GiB as the browser tells it (rounded, at most 8 in Chromium); undefined where it does not. */
  readonly memoryGiB?: number
  readonly storage?: { readonly quotaBytes: number; readonly usedBytes: number; readonly persisted: boolean }
}

export type ModelRefusal = Problem
