// Knows: a loaded model: what it supports and how it is computed.
import type { ChatFormat } from './chat-format.ts'
import type { OutputFormat } from './completion-request.ts'
import type { Backend } from './machine.ts'
import type { ModelCard } from './model-card.ts'
import type { SamplingName } from './sampling.ts'
import type { WeightForm } from './weight-form.ts'

/** What a teacher supports; a recipe that needs more is refused before it starts. */
export interface Capabilities {
  readonly chat: boolean
  readonly rawPrompts: boolean
  /** Log-probabilities of given continuations, which judging needs. */
  readonly scores: boolean
  /** Vectors of the meaning of texts. */
  readonly embeddings: boolean
  /** Its log-probabilities at every token of a given text, in its own vocabulary: the soft targets of a student. */
  readonly softTargets: boolean
  /** Max top-k tokens returned with each generated token; 0: none. */
  readonly logProbs: number
  /** Sampling settings that it supports besides temperature and max tokens. */
  readonly sampling: readonly SamplingName[]
  /** The same seed gives the same text. */
  readonly seeded: boolean
  /** Formats that it can constrain a completion to. */
  readonly outputFormats: readonly OutputFormat['kind'][]
}

/** What a loaded model is and supports, checked before a recipe starts. */
export interface TeacherDescription {
  readonly card: ModelCard
  /** What computes: the processor or graphics card under this page, or a server. */
  readonly backend: Backend | 'server'
  /** Threads of the wasm backend; 1 if the page is not isolated or a server computes. */
  readonly threads: number
  /** Max tokens of a prompt and its completion together. */
  readonly contextLength: number
  /** Batch size. */
  readonly batch: number
  /** How the weights are held in memory, if this program reads them. */
  readonly weights?: WeightForm
  /** Chosen in place of the model's own chat template. */
  readonly chatFormat?: ChatFormat
  readonly capabilities: Capabilities
  readonly notes: readonly string[]
  /** Why the copy that was requested is not stored, as a sentence. */
  readonly notStored?: string
}
