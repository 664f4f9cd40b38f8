// Knows: how a stored classification student serves generation requests: its completion is the name of the most likely class.
// Must not know: where its weights are stored.
import type {
  GenerateRequest,
  GenerateResult,
  Hooks,
  GenerationProgress,
} from '../../src/engine/generation/requests.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { Classifier } from '../../src/engine/training/classifier.ts'
import type { Flat } from '../../src/engine/training/parameters.ts'
import { yieldToMessages } from './yield-to-messages.ts'
import { argmax } from './prepare-classes.ts'

export interface ClassStudent {
  readonly shape: DecoderShape
  readonly weights: Flat
  readonly classes: readonly string[]
}

/** Prompts classified between two reports of results. */
const PROMPTS_PER_ROUND = 64

export class ClassGenerator {
  readonly #classifier: Classifier
  readonly #student: ClassStudent

  constructor(runtime: Runtime, student: ClassStudent) {
    this.#classifier = new Classifier(runtime, student.shape, student.weights)
    this.#student = student
  }

  /** One token each, the class; sampling settings are ignored. A prompt longer than the context gets a refusal. */
  async generate(
    requests: readonly GenerateRequest[],
    { signal, onResult, onProgress }: Hooks<GenerateResult>,
  ): Promise<GenerationProgress> {
    const { shape, classes } = this.#student
    const from = performance.now()
    let [promptTokens, newTokens] = [0, 0]
    const progress = (): GenerationProgress => ({
      promptTokens,
      sharedTokens: 0,
      newTokens,
      ms: performance.now() - from,
    })
    for (let at = 0; at < requests.length; at += PROMPTS_PER_ROUND) {
      const round = requests.slice(at, at + PROMPTS_PER_ROUND)
      const classified = await this.#classifier.classify(
        round.map(({ tokens }) => tokens),
        { ...(signal ? { signal } : {}), onBatch: yieldToMessages },
      )
      round.forEach(({ id, tokens }, i) => {
        const probabilities = classified[i]
        if (probabilities === undefined && signal?.aborted) return
        const number = probabilities && argmax(probabilities)
        if (number !== undefined) [promptTokens, newTokens] = [promptTokens + tokens.length, newTokens + 1]
        onResult(
          number === undefined
            ? {
                id,
                text: '',
                tokens: [],
                finishReason: 'aborted',
                promptTokens: tokens.length,
                refusal:
                  tokens.length === 0
                    ? 'The prompt is empty.'
                    : `The prompt has ${tokens.length} tokens, and the student’s context is ${shape.context}. Shorten it or train a student with a longer context.`,
              }
            : {
                id,
                text: classes[number] ?? '',
                tokens: [number],
                finishReason: 'end',
                promptTokens: tokens.length,
              },
        )
      })
      onProgress?.(progress())
      if (signal?.aborted) break
    }
    return progress()
  }

  release(): Promise<void> {
    return this.#classifier.release()
  }
}
