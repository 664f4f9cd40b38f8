// Knows: what every teacher can be asked, whatever runs it. One contract test runs against all of them.
// Must not know: threads (workers/teacher.ts), where models come from (sources.ts).
import type {
  Backend,
  CompletionRequest,
  CompletionResult,
  ScoreRequest,
  ScoreResult,
  TeacherDescription,
  WeightForm,
} from '../../src/domain/model.ts'
import type {
  Progress,
  Scorable,
  Scored,
  Traceable,
  Traced,
  TraceOptions,
} from '../../src/engine/generation/generator.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { LoadProgress } from '../../src/protocol/teacher.ts'
import type { KnownBatches } from './best-batch.ts'

export interface AskHooks<Result> {
  readonly signal: AbortSignal
  readonly onResult: (result: Result) => void
  readonly onProgress: (progress: Progress) => void
  readonly onPartial?: (id: string, text: string) => void
}

/** What can be asked of a model whose own tokens are known here. */
export interface TokenTeacher {
  /** What cuts texts into the model's tokens. */
  readonly tokenizer: TextTokenizer
  /** Distributions along given answers, in tokens of this model. */
  trace(
    requests: readonly Traceable[],
    options: TraceOptions,
    hooks: Pick<AskHooks<Traced>, 'signal' | 'onResult'>,
  ): Promise<Progress>
  /** Log-probabilities of continuations that are tokens of this model. */
  weigh(
    requests: readonly Scorable[],
    hooks: Pick<AskHooks<Scored>, 'signal' | 'onResult'>,
  ): Promise<Progress>
}

export interface Teacher {
  readonly description: TeacherDescription
  /**
   * Completes many requests; results are told in any order, one that cannot be asked with a refusal, which ends nothing. After an abort the
   * rows under way are told as `aborted` and the call ends.
   */
  complete(requests: readonly CompletionRequest[], hooks: AskHooks<CompletionResult>): Promise<Progress>
  /** Log-probabilities of continuations, many at a time. Throws `ModelRefused` where the description says that it gives none. */
  score(requests: readonly ScoreRequest[], hooks: AskHooks<ScoreResult>): Promise<Progress>
  /** Tokens of texts; where the model's tokens are not known here, about as many (four characters each). */
  countTokens(texts: readonly string[]): Promise<readonly number[]>
  /** There exactly where the description gives `traces`. */
  readonly ownTokens?: TokenTeacher
  release(): Promise<void>
}

/** What opening takes besides the source. */
export interface OpenOptions {
  readonly backend: Backend
  /** Tokens of context wanted; bounded by the model. */
  readonly contextLength: number
  /** How the weights are to lie in memory; absent: what is fastest where it fits. */
  readonly weights?: WeightForm
  /** What is known of this machine's best number of rows; absent: eight, and nothing is tried. */
  readonly batches?: KnownBatches
  readonly signal: AbortSignal
  readonly onProgress: (progress: LoadProgress) => void
}
