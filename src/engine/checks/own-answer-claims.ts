// Knows: what must hold where a student learns from its own answers: who writes them and who learns from them are one model, and a teacher
// that is asked about them says just what it would have written.
import { Generator } from '../generation/generator.ts'
import type { Runtime } from '../runtime/types.ts'
import { trainStudentTokenizer } from '../tokenizers/student-template.ts'
import type { DivergenceName } from '../training/divergences/index.ts'
import { makeBatch, packRows, type PackedRow } from '../training/packing.ts'
import { makeStudentWeights } from '../training/student-weights.ts'
import { beginState, Trainer } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from './small.ts'

const TEMPERATURE = 1.5
const CHOICES = 5
/** A sum over some tokens of differences of 32-bit probabilities, times the square of the temperature. */
const BOUND = 1e-4

/** Answers that a model with the small decoder's weights writes, and what the same model says along them when it is asked as a teacher. */
async function writeAndTrace(runtime: Runtime): Promise<PackedRow[]> {
  const { tokenizer } = trainStudentTokenizer(['a word'], 261)
  const generator = await Generator.create(
    runtime,
    makeStudentWeights(SMALL, makeSmallWeights()),
    tokenizer,
    { maxBatch: 3, contextLength: SMALL.context },
  )
  try {
    const prompts = makeSmallRows(2).map(({ tokens, from }) => [...tokens.subarray(0, from + 1)])
    const answers = prompts.map((): readonly number[] => [])
    const sampling = {
      temperature: 1,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      maxTokens: 6,
      stop: [],
      rngSeed: 'own answers',
    }
    await generator.generate(
      prompts.map((tokens, i) => ({ id: String(i), tokens, sampling })),
      { onResult: ({ id, tokens }) => (answers[Number(id)] = tokens) },
    )
    const rows: PackedRow[] = []
    const among = Int32Array.from({ length: SMALL.vocabulary }, (_, id) => id)
    await generator.trace(
      prompts.map((prompt, i) => ({ id: String(i), prompt, answer: (answers[i] ?? []).slice(0, -1) })),
      { choices: CHOICES, temperature: TEMPERATURE, among },
      {
        onResult: ({ id, places, probabilities }) => {
          const i = Number(id)
          rows.push(
            ...packRows(
              [
                {
                  prompt: prompts[i] ?? [],
                  completion: answers[i] ?? [],
                  teacher: { choices: CHOICES, ids: places, probabilities },
                },
              ],
              SMALL.context,
            ).rows,
          )
        },
      },
    )
    return rows
  } finally {
    await generator.release()
  }
}

/** Loss and gradient of a step on these rows. */
async function stepOn(
  runtime: Runtime,
  divergence: DivergenceName,
  rows: readonly PackedRow[],
): Promise<number> {
  const trainer = new Trainer(
    runtime,
    {
      shape: SMALL,
      weightDecay: 0,
      clip: 0,
      distils: { divergence, temperature: TEMPERATURE, textShare: 0 },
    },
    beginState(makeSmallWeights()),
  )
  try {
    const { loss, norm } = await trainer.train(
      makeBatch(
        rows.map((row) => [row]),
        3,
        SMALL.context,
      ),
      0,
    )
    return Math.max(Math.abs(loss), norm)
  } finally {
    await trainer.release()
  }
}

export const ownAnswerClaims: readonly Claim[] = (
  ['forward-kl', 'reverse-kl', 'jensen-shannon'] as const
).map((divergence): Claim => ({
  group: 'losses',
  name: `${divergence} on own answers is nothing, and has no slope, from a teacher with the same weights`,
  bound: BOUND,
  measure: async ({ runtime }) => {
    const rows = await writeAndTrace(runtime)
    return rows.length === 3 ? stepOn(runtime, divergence, rows) : Number.NaN
  },
}))
