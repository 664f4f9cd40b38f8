// Knows: how a student in training generates completions: its current weights in a generator, for one batch of prompts.
// Must not know: what the completions are used for.
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { END_TOKEN } from '../../src/engine/tokenizers/templates/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { Trainer } from '../../src/engine/training/trainer.ts'
import { openGenerator } from './student-generator.ts'

/** Students are small: a batch larger than a teacher's eight hardly slows a decode step. */
const MAX_BATCH = 16

/** The student without its weights, which the trainer has. */
export interface StudentInTraining {
  readonly runtime: Runtime
  readonly shape: DecoderShape
  readonly tokenizer: TextTokenizer
}

/** Lengths are rounded up to a multiple of this: each length has its own graph. */
const LENGTH_STEP = 32
export const roundLength = (length: number): number => Math.ceil(length / LENGTH_STEP) * LENGTH_STEP

export interface CompletionOptions {
  readonly completionsPerPrompt: number
  /** 0 is greedy. */
  readonly temperature: number
  readonly maxTokens: number
  readonly rngSeed: string
  readonly signal?: AbortSignal
}

export interface OwnCompletion {
  readonly text: string
  /** With the end token if the completion ended by itself. */
  readonly tokens: readonly number[]
  readonly ended: boolean
}

/** `completionsPerPrompt` completions of each prompt, in order. An abort leaves the rest empty. */
export async function generateCompletions(
  { runtime, shape, tokenizer }: StudentInTraining,
  trainer: Trainer,
  prompts: readonly (readonly number[])[],
  { completionsPerPrompt, temperature, maxTokens, rngSeed, signal }: CompletionOptions,
): Promise<OwnCompletion[]> {
  const end = tokenizer.idOf(END_TOKEN)
  const completions: OwnCompletion[] = Array.from({ length: prompts.length * completionsPerPrompt }, () => ({
    text: '',
    tokens: [],
    ended: false,
  }))
  const requests = completions.map((_, i) => ({
    id: String(i),
    tokens: prompts[Math.floor(i / completionsPerPrompt)] ?? [],
    sampling: {
      temperature,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      maxTokens,
      stop: [],
      rngSeed: `${rngSeed}/${i}`,
    },
  }))
  const generator = await openGenerator(
    runtime,
    { shape, weights: await trainer.readWeights(), tokenizer },
    Math.min(requests.length, MAX_BATCH),
  )
  try {
    await generator.generate(requests, {
      ...(signal ? { signal } : {}),
      onResult: ({ id, text, tokens, finishReason }) =>
        (completions[Number(id)] = {
          text,
          tokens: finishReason === 'end' && end !== undefined ? [...tokens, end] : tokens,
          ended: finishReason === 'end',
        }),
    })
  } finally {
    await generator.release()
  }
  return completions
}
