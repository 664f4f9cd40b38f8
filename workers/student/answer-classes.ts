// Knows: how a stored student of classes answers what a writing one would be asked: with the name of the likeliest class.
// Must not know: where its weights were stored.
import type {
  GenerateRequest,
  GenerateResult,
  Hooks,
  Progress,
} from '../../src/engine/generation/requests.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { Classifier } from '../../src/engine/training/classifier.ts'
import type { Flat } from '../../src/engine/training/parameters.ts'
import { breathe } from './breathe.ts'
import { likeliestOf } from './prepare-classes.ts'

export interface ClassStudent {
  readonly shape: DecoderShape
  readonly weights: Flat
  readonly classes: readonly string[]
}

/** Prompts asked between two results. */
const PROMPTS_AT_ONCE = 64

export class ClassAnswers {
  readonly #classifier: Classifier
  readonly #student: ClassStudent

  constructor(runtime: Runtime, student: ClassStudent) {
    this.#classifier = new Classifier(runtime, student.shape, student.weights)
    this.#student = student
  }

  /** One token each, the class; how it is to be sampled makes no difference. A prompt that the context does not hold is told with a refusal. */
  async generate(
    requests: readonly GenerateRequest[],
    { signal, onResult, onProgress }: Hooks<GenerateResult>,
  ): Promise<Progress> {
    const { shape, classes } = this.#student
    const from = performance.now()
    let [promptTokens, newTokens] = [0, 0]
    const progress = (): Progress => ({
      promptTokens,
      sharedTokens: 0,
      newTokens,
      ms: performance.now() - from,
    })
    for (let at = 0; at < requests.length; at += PROMPTS_AT_ONCE) {
      const some = requests.slice(at, at + PROMPTS_AT_ONCE)
      const found = await this.#classifier.classify(
        some.map(({ tokens }) => tokens),
        { ...(signal ? { signal } : {}), onBatch: breathe },
      )
      some.forEach(({ id, tokens }, i) => {
        const probabilities = found[i]
        if (probabilities === undefined && signal?.aborted) return
        const number = probabilities && likeliestOf(probabilities)
        if (number !== undefined) [promptTokens, newTokens] = [promptTokens + tokens.length, newTokens + 1]
        onResult(
          number === undefined
            ? {
                id,
                text: '',
                tokens: [],
                ending: 'aborted',
                promptTokens: tokens.length,
                refusal:
                  tokens.length === 0
                    ? 'The prompt is empty.'
                    : `The prompt has ${tokens.length} tokens, and the student reads ${shape.context}. Shorten it or train a student with a longer context.`,
              }
            : {
                id,
                text: classes[number] ?? '',
                tokens: [number],
                ending: 'end',
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
