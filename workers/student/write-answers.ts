// Knows: how a student in training answers prompts by itself: its present weights in a generator, for one round of answers.
// Must not know: what the answers are good for.
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { END_TOKEN } from '../../src/engine/tokenizers/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { Trainer } from '../../src/engine/training/trainer.ts'
import { openWriter } from './write-texts.ts'

/** Students are small: more rows together than a teacher's eight take hardly longer a step. */
const ROWS_TOGETHER = 16

/** The student, without its weights: those are the trainer's. */
export interface AnsweringStudent {
  readonly runtime: Runtime
  readonly shape: DecoderShape
  readonly tokenizer: TextTokenizer
}

/** Lengths of own answers in steps of this many: each has a graph of its own. */
const LENGTH_STEP = 32
export const roundLength = (length: number): number => Math.ceil(length / LENGTH_STEP) * LENGTH_STEP

export interface AnswerOptions {
  /** Answers of each prompt. */
  readonly each: number
  /** 0 takes the likeliest token. */
  readonly temperature: number
  readonly maxTokens: number
  readonly rngSeed: string
  readonly signal?: AbortSignal
}

export interface OwnAnswer {
  readonly text: string
  /** With the end token where the answer ended by itself. */
  readonly tokens: readonly number[]
  readonly ended: boolean
}

/** Answers to prompts, `each` to one, in their order. An abort leaves the rest empty. */
export async function writeAnswers(
  { runtime, shape, tokenizer }: AnsweringStudent,
  trainer: Trainer,
  prompts: readonly (readonly number[])[],
  { each, temperature, maxTokens, rngSeed, signal }: AnswerOptions,
): Promise<OwnAnswer[]> {
  const end = tokenizer.idOf(END_TOKEN)
  const answers: OwnAnswer[] = Array.from({ length: prompts.length * each }, () => ({
    text: '',
    tokens: [],
    ended: false,
  }))
  const requests = answers.map((_, i) => ({
    id: String(i),
    tokens: prompts[Math.floor(i / each)] ?? [],
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
  const writer = await openWriter(
    runtime,
    { shape, weights: await trainer.readWeights(), tokenizer },
    Math.min(requests.length, ROWS_TOGETHER),
  )
  try {
    await writer.generate(requests, {
      ...(signal ? { signal } : {}),
      onResult: ({ id, text, tokens, ending }) =>
        (answers[Number(id)] = {
          text,
          tokens: ending === 'end' && end !== undefined ? [...tokens, end] : tokens,
          ended: ending === 'end',
        }),
    })
  } finally {
    await writer.release()
  }
  return answers
}
