// Knows: how requests are served by a model on this program's own engine, whatever file its weights came from.
// Must not know: files, threads.
import type {
  CompletionRequest,
  CompletionResult,
  EmbedRequest,
  EmbedResult,
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
import { endsInReasoning } from '../../src/engine/tokenizers/templates/reasoning-marks.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { splitReasoning } from '../../src/pipeline/reasoning/split-reasoning.ts'
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
    { onResult, onPartial, ...hooks }: RequestHooks<CompletionResult>,
  ): Promise<GenerationProgress> {
    /** Requests whose prompt ends inside reasoning: the completion begins there. */
    const opened = new Set<string>()
    const ready = requests.flatMap((request) => {
      const refuse = (refusal: string): [] => {
        onResult({ id: request.id, text: '', finishReason: 'aborted', promptTokens: 0, tokens: 0, refusal })
        return []
      }
      const refusal = refusalOf(request, this.description.capabilities)
      if (refusal !== undefined) return refuse(refusal)
      try {
        const generate = toGenerateRequest(request, this.tokenizer)
        if (request.input.kind === 'chat' && endsInReasoning(this.#readEnd(generate.tokens)))
          opened.add(request.id)
        return [generate]
      } catch (thrown) {
        return refuse(sentenceOf(thrown))
      }
    })
    const isChat = new Set(requests.flatMap(({ id, input }) => (input.kind === 'chat' ? [id] : [])))
    return this.#generator.generate(ready, {
      ...hooks,
      ...(onPartial && {
        onPartial: (id: string, text: string) =>
          onPartial(
            id,
            isChat.has(id) ? splitReasoning(text, { opened: opened.has(id), partial: true }).text : text,
          ),
      }),
      onResult: ({ id, text, tokens, finishReason, promptTokens, logProbs, refusal }) =>
        onResult({
          id,
          ...(isChat.has(id) ? this.#separateReasoning(text, tokens, opened.has(id)) : { text }),
          finishReason,
          promptTokens,
          tokens: tokens.length,
          ...(logProbs === undefined ? {} : { logProbs: toTokenLogProbs(tokens, logProbs, this.tokenizer) }),
          ...(refusal === undefined ? {} : { refusal }),
        }),
    })
  }

  /** The last tokens of a prompt as text, control tokens included: enough for a mark. */
  #readEnd(tokens: readonly number[]): string {
    return this.tokenizer.decode(tokens.slice(-MARK_TOKENS))
  }

  /** Marks of reasoning that are control tokens are not part of a completion's text, and are put back to find them. */
  #separateReasoning(
    text: string,
    tokens: readonly number[],
    opened: boolean,
  ): Pick<CompletionResult, 'text' | 'reasoning' | 'unfinishedReasoning'> {
    const marks = tokens.some((id) => this.tokenizer.isSpecial(id) && !this.tokenizer.endIds.has(id))
    const whole = marks ? this.tokenizer.decode(tokens.filter((id) => !this.tokenizer.endIds.has(id))) : text
    const { text: response, begin, reasoning, unfinished } = splitReasoning(whole, { opened })
    if (begin === 0 && reasoning === undefined && unfinished === undefined) return { text }
    return {
      text: response,
      ...(reasoning === undefined ? {} : { reasoning }),
      ...(unfinished ? { unfinishedReasoning: true } : {}),
    }
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

  /** The mean of the last hidden states of each text, as it is, without a chat template. */
  get embed(): Teacher['embed'] {
    return this.description.capabilities.embeddings ? (...args) => this.#embed(...args) : undefined
  }

  #embed(
    requests: readonly EmbedRequest[],
    { onResult, onPartial: _none, ...hooks }: RequestHooks<EmbedResult>,
  ): Promise<GenerationProgress> {
    const ready = requests.flatMap(({ id, text }) => {
      try {
        return [{ id, tokens: this.tokenizer.encode(text, { special: false }) }]
      } catch (thrown) {
        onResult({ id, vector: new Uint16Array(0), refusal: sentenceOf(thrown) })
        return []
      }
    })
    return this.#generator.embed(ready, { ...hooks, onResult })
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

/** The longest mark of reasoning, and blanks behind it, in tokens of at least one character. */
const MARK_TOKENS = 32

/** A token may hold part of a character: such a part becomes U+FFFD. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const sentenceOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
