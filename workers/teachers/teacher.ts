// Knows: the interface of every teacher, whatever runs it. One contract test runs against all of them.
// Must not know: threads (workers/teacher.ts), where models come from (sources.ts).
import type {
  CompletionRequest,
  CompletionResult,
  EmbedRequest,
  EmbedResult,
  ScoreRequest,
  ScoreResult,
} from '../../src/domain/completion-request.ts'
import type { ChatFormat } from '../../src/domain/chat-format.ts'
import type { Backend } from '../../src/domain/machine.ts'
import type { TeacherDescription } from '../../src/domain/teacher-description.ts'
import type { WeightForm } from '../../src/domain/weight-form.ts'
import type {
  GenerationProgress,
  ScoreInput,
  ScoreOutput,
  SoftTargetInput,
  SoftTargetOutput,
  SoftTargetOptions,
} from '../../src/engine/generation/generator.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { LoadProgress } from '../../src/protocol/teacher.ts'
import type { BatchStore } from './batch-size.ts'

export interface RequestHooks<Result> {
  readonly signal: AbortSignal
  readonly onResult: (result: Result) => void
  readonly onProgress: (progress: GenerationProgress) => void
  readonly onPartial?: (id: string, text: string) => void
}

/** The interface of a model whose own tokens are known here. */
export interface TokenTeacher {
  /** The model's tokenizer. */
  readonly tokenizer: TextTokenizer
  /** Distributions along given answers, in this model's tokens. */
  computeSoftTargets(
    requests: readonly SoftTargetInput[],
    options: SoftTargetOptions,
    hooks: Pick<RequestHooks<SoftTargetOutput>, 'signal' | 'onResult'>,
  ): Promise<GenerationProgress>
  /** Log-probabilities of continuations given as this model's tokens. */
  scoreTokens(
    requests: readonly ScoreInput[],
    hooks: Pick<RequestHooks<ScoreOutput>, 'signal' | 'onResult'>,
  ): Promise<GenerationProgress>
}

export interface Teacher {
  readonly description: TeacherDescription
  /**
   * Completes many requests; results are reported in any order. A request that is not supported gets a refusal, and the others continue.
   * After an abort, rows in progress are reported as `aborted` and the call ends.
   */
  complete(
    requests: readonly CompletionRequest[],
    hooks: RequestHooks<CompletionResult>,
  ): Promise<GenerationProgress>
  /** Log-probabilities of continuations, many at a time. Throws `ModelRefused` if the description does not list this capability. */
  score(requests: readonly ScoreRequest[], hooks: RequestHooks<ScoreResult>): Promise<GenerationProgress>
  /**
   * Vectors of texts, many at a time; a text that is too long is cut, one without tokens is refused. Present if and only if the
   * description lists this capability.
   */
  readonly embed?:
    | ((requests: readonly EmbedRequest[], hooks: RequestHooks<EmbedResult>) => Promise<GenerationProgress>)
    | undefined
  /** Token counts of texts; an estimate (four characters per token) if the model's tokens are not known here. */
  countTokens(texts: readonly string[]): Promise<readonly number[]>
  /** Present if and only if the description's capabilities include `softTargets`. */
  readonly ownTokens?: TokenTeacher
  release(): Promise<void>
}

/** Options for opening a model, in addition to its source. */
export interface OpenOptions {
  readonly backend: Backend
  /** Requested context length in tokens; limited by the model. */
  readonly contextLength: number
  /** Form of the weights in memory; absent: the fastest that fits. */
  readonly weights?: WeightForm
  /** In place of the model's own chat template. */
  readonly chatFormat?: ChatFormat
  /** Texts that the cost of rounding is measured on; absent: two of Retort's own. */
  readonly samples?: readonly string[]
  /** Measured batch sizes of this machine; absent: batch size 8 without a measurement. */
  readonly batchStore?: BatchStore
  readonly signal: AbortSignal
  readonly onProgress: (progress: LoadProgress) => void
}
