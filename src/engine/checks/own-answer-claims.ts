// Knows: a claim about on-policy distillation: with a teacher of the same weights as the student, loss and gradient on
// the student's own answers are 0.
import { Generator } from '../generation/generator.ts'
import type { Runtime } from '../runtime/types.ts'
import { trainStudentTokenizer } from '../tokenizers/templates/student-template.ts'
import { DIVERGENCES, type DivergenceName } from '../training/divergences/index.ts'
import { makeBatch, packRows, type PackedRow } from '../training/packing.ts'
import { makeStudentWeights } from '../training/student-weights.ts'
import { makeDistillation } from '../training/objectives/distillation.ts'
import { initialState, Trainer } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from './small.ts'

const TEMPERATURE = 1.5
const TOP_K = 5
/** A sum over a few tokens of differences of 32-bit probabilities, times the square of the temperature. */
const BOUND = 1e-4

/** Answers that a model with the small decoder's weights generates, with its own soft targets for them. */
async function generateAndScore(runtime: Runtime): Promise<PackedRow[]> {
  const { tokenizer } = trainStudentTokenizer(['a word'], 261)
  const generator = await Generator.create(
    runtime,
    makeStudentWeights(SMALL, makeSmallWeights()),
    tokenizer,
    { batchSize: 3, contextLength: SMALL.context },
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
    const allowedIds = Int32Array.from({ length: SMALL.vocabulary }, (_, id) => id)
    await generator.computeSoftTargets(
      prompts.map((prompt, i) => ({ id: String(i), prompt, completion: (answers[i] ?? []).slice(0, -1) })),
      { topK: TOP_K, temperature: TEMPERATURE, allowedIds },
      {
        onResult: ({ id, indices, probabilities }) => {
          const i = Number(id)
          rows.push(
            ...packRows(
              [
                {
                  prompt: prompts[i] ?? [],
                  completion: answers[i] ?? [],
                  teacher: { topK: TOP_K, ids: indices, probabilities },
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
      maxGradientNorm: 0,
      objective: makeDistillation({ divergence, temperature: TEMPERATURE, textShare: 0 }),
    },
    initialState(makeSmallWeights()),
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

export const ownAnswerClaims: readonly Claim[] = (Object.keys(DIVERGENCES) as DivergenceName[]).map(
  (divergence): Claim => ({
    group: 'losses',
    name: `${divergence} on own answers and its gradient are 0 for a teacher with the same weights`,
    bound: BOUND,
    measure: async ({ runtime }) => {
      const rows = await generateAndScore(runtime)
      return rows.length === 3 ? stepOn(runtime, divergence, rows) : Number.NaN
    },
  }),
)
