// Knows: how a model that this program's own engine runs is asked, whatever file its weights came from.
// Must not know: files, threads.
import type {
  CompletionRequest,
  CompletionResult,
  ScoreRequest,
  ScoreResult,
  SizedCard,
  TeacherDescription,
  WrittenToken,
} from '../../src/domain/model.ts'
import type { TokenLogProbs } from '../../src/engine/generation/log-probs.ts'
import type {
  Generator,
  Progress,
  Scorable,
  Scored,
  Traceable,
  Traced,
  TraceOptions,
} from '../../src/engine/generation/generator.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { toGenerateRequest, toScorable } from './ask.ts'
import { refusalOf } from './refuse.ts'
import type { AskHooks, Teacher, TokenTeacher } from './teacher.ts'

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
    { onResult, ...hooks }: AskHooks<CompletionResult>,
  ): Promise<Progress> {
    const ready = requests.flatMap((request) => {
      const refuse = (refusal: string): [] => {
        onResult({ id: request.id, text: '', ending: 'aborted', promptTokens: 0, tokens: 0, refusal })
        return []
      }
      const refusal = refusalOf(request, this.description.gives)
      if (refusal !== undefined) return refuse(refusal)
      try {
        return [toGenerateRequest(request, this.tokenizer)]
      } catch (thrown) {
        return refuse(sentenceOf(thrown))
      }
    })
    return this.#generator.generate(ready, {
      ...hooks,
      onResult: ({ id, text, tokens, ending, promptTokens, logProbs, refusal }) =>
        onResult({
          id,
          text,
          ending,
          promptTokens,
          tokens: tokens.length,
          ...(logProbs === undefined ? {} : { logProbs: tellTokens(tokens, logProbs, this.tokenizer) }),
          ...(refusal === undefined ? {} : { refusal }),
        }),
    })
  }

  score(
    requests: readonly ScoreRequest[],
    { onResult, onPartial: _none, ...hooks }: AskHooks<ScoreResult>,
  ): Promise<Progress> {
    const ready = requests.flatMap((request) => {
      try {
        return [toScorable(request, this.tokenizer)]
      } catch (thrown) {
        onResult({ id: request.id, logProbs: [], refusal: sentenceOf(thrown) })
        return []
      }
    })
    return this.#generator.score(ready, { ...hooks, onResult })
  }

  async trace(
    requests: readonly Traceable[],
    options: TraceOptions,
    hooks: Pick<AskHooks<Traced>, 'signal' | 'onResult'>,
  ): Promise<Progress> {
    const { form, name } = this.description.card
    if (options.hidden && form === 'onnx')
      throw new RetortError(
        'ModelRefused',
        `${name} is a graph of ONNX, which does not tell its hidden states. Set the weight of the hidden states to 0, or load the model from a GGUF file or from safetensors.`,
      )
    return this.#generator.trace(requests, options, hooks)
  }

  weigh(
    requests: readonly Scorable[],
    hooks: Pick<AskHooks<Scored>, 'signal' | 'onResult'>,
  ): Promise<Progress> {
    return this.#generator.score(requests, hooks)
  }

  async countTokens(texts: readonly string[]): Promise<readonly number[]> {
    return texts.map((text) => this.tokenizer.encode(text, { special: false }).length)
  }

  release(): Promise<void> {
    return this.#generator.release()
  }
}

/** What the model said at each written token, in the texts of its tokens. */
function tellTokens(
  tokens: readonly number[],
  { choices, written, ids, listed, rest }: TokenLogProbs,
  tokenizer: TextTokenizer,
): WrittenToken[] {
  const textOf = (id: number): string => decoder.decode(tokenizer.tokenBytes(id))
  return tokens.map((token, i) => ({
    text: textOf(token),
    logProb: written[i] ?? Number.NaN,
    likeliest: Array.from({ length: choices }, (_, k) => ({
      text: textOf(ids[i * choices + k] ?? 0),
      logProb: listed[i * choices + k] ?? Number.NaN,
    })),
    tail: rest[i] ?? Number.NaN,
  }))
}

/** A token may hold part of a character: that part is told as U+FFFD. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const sentenceOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
