// Knows: claims that rows do not influence each other and that prompts do not count in the loss, also with sequence
// packing.
import type { Runtime } from '../runtime/types.ts'
import { makeBatch, type PackedRow } from '../training/packing.ts'
import { initialState, Trainer } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from './small.ts'

async function withTrainer<T>(runtime: Runtime, work: (trainer: Trainer) => Promise<T>): Promise<T> {
  const trainer = new Trainer(
    runtime,
    { shape: SMALL, weightDecay: 0, maxGradientNorm: 0 },
    initialState(makeSmallWeights()),
  )
  try {
    return await work(trainer)
  } finally {
    await trainer.release()
  }
}
const claim = (
  name: string,
  bound: number,
  measure: (trainer: Trainer, rows: readonly [PackedRow, PackedRow, PackedRow]) => Promise<number>,
): Claim => ({
  group: 'rows',
  name,
  bound,
  measure: ({ runtime }) =>
    withTrainer(runtime, (trainer) =>
      measure(trainer, makeSmallRows(3) as [PackedRow, PackedRow, PackedRow]),
    ),
})

export const rowClaims: readonly Claim[] = [
  claim('a row has the same loss alone and in a batch', 1e-5, async (trainer, rows) => {
    const counted = rows.map((row) => row.tokens.length - 1 - row.from)
    let mean = 0
    for (const [i, row] of rows.entries())
      mean +=
        ((await trainer.measure([makeBatch([[row]], 1, 12)])) * (counted[i] ?? 0)) /
        counted.reduce((a, b) => a + b, 0)
    return Math.abs(
      mean -
        (await trainer.measure([
          makeBatch(
            rows.map((row) => [row]),
            3,
            12,
          ),
        ])),
    )
  }),
  claim('packed rows have the loss of separate rows', 1e-5, async (trainer, [a, b, c]) =>
    Math.abs(
      (await trainer.measure([makeBatch([[a, c], [b]], 2, 26, { packs: true })])) -
        (await trainer.measure([makeBatch([[a], [b], [c]], 3, 12)])),
    ),
  ),
  claim(
    'a different first row in a line does not change the loss of the second',
    0,
    async (trainer, [a, b]) => {
      const other = { ...a, tokens: a.tokens.map((token) => (token + 11) % SMALL.vocabulary) }
      const lossOf = (first: PackedRow): Promise<number> => {
        const batch = makeBatch([[first, b]], 1, 26, { packs: true })
        const skipped = first.tokens.length - 1 - first.from
        const counted = batch.counted - skipped
        return trainer.measure([
          {
            ...batch,
            weights: batch.weights.map((weight, i) => (weight === 0 || i < skipped ? 0 : 1 / counted)),
            counted,
          },
        ])
      }
      return Math.abs((await lossOf(a)) - (await lossOf(other)))
    },
  ),
  claim(
    'a row’s loss is the mean over its completion’s tokens, without the prompt',
    1e-5,
    async (trainer, [a]) => {
      const batch = makeBatch([[a]], 1, 12)
      const tokens = a.tokens.length - 1 - a.from
      let sum = 0
      for (let one = 0; one < tokens; one++)
        sum += await trainer.measure([
          { ...batch, weights: batch.weights.map((_, i) => (i === one ? 1 : 0)), counted: 1 },
        ])
      return Math.abs(sum / tokens - (await trainer.measure([batch])))
    },
  ),
]
