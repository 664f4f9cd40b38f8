// Knows: how requests are served by a model on this program's own engine, whatever file its weights came from.
// Must not know: files, threads.
import type {
  CompletionRequest,
  CompletionResult,
  ScoreRequest,
  ScoreResult,
  TokenLogProbs,
} from '../../src/domain/completion-request.ts'
import type { SizedCard } from '../../src/domain/model-card.ts'
import type { TeacherDescription } from '../../src/domain/teacher-description.ts'
import type { GeneratedLogProbs } from '../../src/engine/generation/log-probs.ts'
import type {
  Generator,
  GenerationProgress,
  ScoreInput,
  ScoreOutput,
  SoftTargetInput,
  SoftTargetOutput,
  SoftTargetOptions,
} from '../../src/engine/generation/generator.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { toGenerateRequest, toScoreInput } from './tokenize-request.ts'
import { refusalOf } from './refuse.ts'
import type { RequestHooks, Teacher, TokenTeacher } from './teacher.ts'

export class EngineTeacher implements Teacher, TokenTeacher {
  readonly description: TeacherDescription & { readonly card: SizedCard }
  readonly tokenizer: TextTokenizer
  readonly #generator: Generator

  constructor(description: EngineTeacher['description'], tokenizer: TextTokenizer, generator: Generator) {
    this.description = description
    this.tokenizer = tokenizer
    this.#generator = generator
  }

  get ownTokens(): TokenTeacher {
    return this
  }

  complete(
    requests: readonly CompletionRequest[],
    { onResult, ...hooks }: RequestHooks<CompletionResult>,
  ): Promise<GenerationProgress> {
    const ready = requests.flatMap((request) => {
      const refuse = (refusal: string): [] => {
        onResult({ id: request.id, text: '', finishReason: 'aborted', promptTokens: 0, tokens: 0, refusal })
        return []
      }
      const refusal = refusalOf(request, this.description.capabilities)
      if (refusal !== undefined) return refuse(refusal)
      try {
        return [toGenerateRequest(request, this.tokenizer)]
      } catch (thrown) {
        return refuse(sentenceOf(thrown))
      }
    })
    return this.#generator.generate(ready, {
      ...hooks,
      onResult: ({ id, text, tokens, finishReason, promptTokens, logProbs, refusal }) =>
        onResult({
          id,
          text,
          finishReason,
          promptTokens,
          tokens: tokens.length,
          ...(logProbs === undefined ? {} : { logProbs: toTokenLogProbs(tokens, logProbs, this.tokenizer) }),
          ...(refusal === undefined ? {} : { refusal }),
        }),
    })
  }

  score(
    requests: readonly ScoreRequest[],
    { onResult, onPartial: _none, ...hooks }: RequestHooks<ScoreResult>,
  ): Promise<GenerationProgress> {
    const ready = requests.flatMap((request) => {
      try {
        return [toScoreInput(request, this.tokenizer)]
      } catch (thrown) {
        onResult({ id: request.id, logProbs: [], refusal: sentenceOf(thrown) })
        return []
      }
    })
    return this.#generator.score(ready, { ...hooks, onResult })
  }

  async computeSoftTargets(
    requests: readonly SoftTargetInput[],
    options: SoftTargetOptions,
    hooks: Pick<RequestHooks<SoftTargetOutput>, 'signal' | 'onResult'>,
  ): Promise<GenerationProgress> {
    const { form, name } = this.description.card
    if (options.hidden && form === 'onnx')
      throw new RetortError(
        'ModelRefused',
        `${name} is an ONNX graph, which does not output its hidden states. Set “Hidden state loss weight” to 0, or load the model from a GGUF file or from safetensors.`,
      )
    return this.#generator.computeSoftTargets(requests, options, hooks)
  }

  scoreTokens(
    requests: readonly ScoreInput[],
    hooks: Pick<RequestHooks<ScoreOutput>, 'signal' | 'onResult'>,
  ): Promise<GenerationProgress> {
    return this.#generator.score(requests, hooks)
  }

  async countTokens(texts: readonly string[]): Promise<readonly number[]> {
    return texts.map((text) => this.tokenizer.encode(text, { special: false }).length)
  }

  release(): Promise<void> {
    return this.#generator.release()
  }
}

/** Log-probabilities of each generated token, with the texts of the tokens. */
function toTokenLogProbs(
  tokens: readonly number[],
  { topK, chosen, topIds, topLogProbs, restProbabilities }: GeneratedLogProbs,
  tokenizer: TextTokenizer,
): TokenLogProbs[] {
  const textOf = (id: number): string => decoder.decode(tokenizer.tokenBytes(id))
  return tokens.map((token, i) => ({
    text: textOf(token),
    logProb: chosen[i] ?? Number.NaN,
    top: Array.from({ length: topK }, (_, k) => ({
      text: textOf(topIds[i * topK + k] ?? 0),
      logProb: topLogProbs[i * topK + k] ?? Number.NaN,
    })),
    restProbability: restProbabilities[i] ?? Number.NaN,
  }))
}

/** A token may hold part of a character: such a part becomes U+FFFD. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const sentenceOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
