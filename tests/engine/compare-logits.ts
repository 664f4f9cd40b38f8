// Knows: how to run the two texts of tests/oracles/architectures.py through a model and compare its logits with
// the saved ones.
import type { CachedModel, Prefix } from '../../src/engine/generation/cached-model.ts'
import { oracle, type OracleModel } from './small-architectures.ts'

/** Ends of the chunks of each text. */
export type ChunkEnds = readonly (readonly number[])[]

/**
 * Runs the texts from `from` on through the model in these chunks, as a batch; returns the logits of every
 * position.
 */
export async function runTexts(
  model: CachedModel,
  chunkEnds: ChunkEnds,
  from = 0,
  prefix?: Prefix,
): Promise<Float32Array[][]> {
  const slots = chunkEnds.map(() => model.open())
  const lengths = chunkEnds.map(() => from)
  const logits: Float32Array[][] = chunkEnds.map(() => [])
  for (let chunk = 0; chunk < Math.max(...chunkEnds.map(({ length }) => length)); chunk++) {
    const steps = chunkEnds.flatMap((ends, i) => {
      const end = ends[chunk]
      if (end === undefined) return []
      const tokens = (oracle.texts[i] ?? []).slice(lengths[i], end)
      lengths[i] = end
      return [{ slot: slots[i] ?? 0, tokens, logitsAt: tokens.map((_, at) => at), row: logits[i] }]
    })
    const out = await model.step(steps, prefix, true)
    let at = 0
    for (const { tokens, row } of steps)
      for (const _ of tokens) row?.push(out.slice(at++ * model.vocabulary, at * model.vocabulary))
  }
  for (const slot of slots) model.close(slot)
  return logits
}

/**
 * The largest difference from the saved numbers, relative for numbers above 1; NaN if there is a NaN or a
 * position is missing.
 */
export function findWorst(
  { texts }: OracleModel,
  logits: readonly (readonly Float32Array[])[],
  from = 0,
): number {
  let worst = 0
  logits.forEach((rows, text) => {
    const saved = texts[text]
    if (rows.length !== (oracle.texts[text]?.length ?? 0) - from) worst = Number.NaN
    rows.forEach((row, i) => {
      const largest = Math.max(...row)
      const pairs = [
        [
          largest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0)),
          saved?.logSumExp[from + i],
        ],
        [
          Math.sqrt(row.reduce((sum, logit) => sum + logit * logit, 0) / row.length),
          Math.sqrt(saved?.meanSquare[from + i] ?? Number.NaN),
        ],
        ...oracle.places.map((place, j) => [row[place], saved?.chosen[from + i]?.[j]] as const),
      ] as const
      for (const [ours = Number.NaN, theirs = Number.NaN] of pairs)
        worst = Math.max(worst, Math.abs(ours - theirs) / Math.max(1, Math.abs(theirs)))
    })
  })
  return worst
}

/** Length of the common prefix of both texts. */
const SHARED = 12

/**
 * The largest difference if both texts follow a shared prefix that is computed once, in a batch, in chunks of
 * many tokens and of one.
 */
export async function compareAfterPrefix(saved: OracleModel, model: CachedModel): Promise<number> {
  const [long = 0, short = 0] = oracle.texts.map(({ length }) => length)
  const { prefix } = await model.makePrefix((oracle.texts[0] ?? []).slice(0, SHARED), async () => undefined)
  const worst = findWorst(
    saved,
    await runTexts(
      model,
      [
        [13, 25, 26, long],
        [20, 21, short],
      ],
      SHARED,
      prefix,
    ),
    SHARED,
  )
  prefix.dispose()
  return worst
}

/**
 * The largest difference of each way to run texts: alone, in a batch of rows of different lengths step by step,
 * after a shared prefix.
 */
export async function compareAllWays(
  saved: OracleModel,
  model: CachedModel,
): Promise<Record<'alone' | 'together' | 'shared', number>> {
  const [long = 0, short = 0] = oracle.texts.map(({ length }) => length)
  const alone = findWorst(saved, await runTexts(model, [[long]]))
  const together = findWorst(
    saved,
    await runTexts(model, [
      [14, 15, 16, 30, long],
      [5, 6, 14, 15, short],
    ]),
  )
  return { alone, together, shared: await compareAfterPrefix(saved, model) }
}
