// The logits of a whole model against PyTorch's Llama (tests/oracles/logits.py): one row alone, a ragged batch in
// pieces, and rows after a shared prefix; with floats and with packed bits.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CachedModel, Prefix } from '../../../src/engine/generation/cached-model.ts'
import { makeHostModel } from '../../../src/engine/generation/host-cache.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import { loadGgufWeights, type WeightKind } from '../../../src/engine/weights/gguf/llama-gguf.ts'
import oracle from '../../oracles/logits.json'
import { hasSharedModel, openSharedModel, readSharedHeader, whySkipped } from '../shared-model.ts'

/** Measured: up to 9.4e-5 against a double-checked reference over 55 positions; PyTorch's own rounding is added. */
const BOUND = 2e-4
const [long, short] = oracle.texts as [(typeof oracle.texts)[number], (typeof oracle.texts)[number]]
const SHARED = 15

/** Runs both texts from `from` on through the model in pieces with these ends; returns the logits of every position. */
async function run(
  model: CachedModel,
  ends: readonly (readonly number[])[],
  from = 0,
  prefix?: Prefix,
): Promise<Float32Array[][]> {
  const texts = [long, short].slice(0, ends.length)
  const slots = texts.map(() => model.open())
  const lengths = texts.map(() => from)
  const logits: Float32Array[][] = texts.map(() => [])
  for (let piece = 0; piece < Math.max(...ends.map(({ length }) => length)); piece++) {
    const steps = texts.flatMap(({ tokens }, i) => {
      const end = ends[i]?.[piece]
      if (end === undefined) return []
      const part = tokens.slice(lengths[i], end)
      lengths[i] = end
      return [{ slot: slots[i]!, tokens: part, logitsAt: part.map((_, at) => at), row: logits[i]! }]
    })
    const out = await model.step(steps, prefix, true)
    let at = 0
    for (const { tokens, row } of steps)
      for (const _ of tokens) row.push(out.subarray(at++ * model.vocabulary, at * model.vocabulary))
  }
  for (const slot of slots) model.close(slot)
  return logits
}

/** The largest difference from the saved numbers, and the positions where another token is most likely. */
function compare(
  saved: (typeof oracle.texts)[number],
  logits: readonly Float32Array[],
  from = 0,
): { worst: number; wrong: number[]; positions: number } {
  let worst = 0
  const wrong: number[] = []
  logits.forEach((row, i) => {
    const position = from + i
    let [best, sum, squares] = [0, 0, 0]
    row.forEach((logit, id) => {
      if (logit > row[best]!) best = id
    })
    for (const logit of row) {
      sum += Math.exp(logit - row[best]!)
      squares += logit * logit
    }
    if (best !== saved.best[position]) wrong.push(position)
    const pairs = [
      [row[best]!, saved.largest[position]!],
      [row[best]! + Math.log(sum), saved.logSumExp[position]!],
      [Math.sqrt(squares / row.length), Math.sqrt(saved.meanSquare[position]!)],
      ...oracle.places.map((place, j) => [row[place]!, saved.chosen[position]![j]!] as const),
    ] as const
    for (const [ours, theirs] of pairs)
      worst = Math.max(worst, Number.isNaN(ours) ? Infinity : Math.abs(ours - theirs))
  })
  return { worst, wrong, positions: logits.length }
}

describe.skipIf(!hasSharedModel).each<WeightKind>(['f32', 'nb4s'])(
  `SmolLM2 with weights as %s${whySkipped}`,
  (kind) => {
    let model: CachedModel
    beforeAll(async () => {
      const source = openSharedModel()
      model = await makeHostModel(
        await openRuntime({ backend: 'wasm' }),
        await loadGgufWeights(await readSharedHeader(), source, kind),
        2,
        64,
      )
    }, 120_000)
    afterAll(() => model?.release())

    function expectSame(
      saved: (typeof oracle.texts)[number],
      logits: readonly Float32Array[],
      positions: number,
      from = 0,
    ): void {
      const result = compare(saved, logits, from)
      expect(result).toMatchObject({ wrong: [], positions })
      expect(result.worst).toBeLessThan(BOUND)
    }

    test('gives the logits of PyTorch for one row', async () => {
      const [alone] = await run(model, [[long.tokens.length]])
      expectSame(long, alone!, 48)
    }, 120_000)

    test('gives the logits of PyTorch for a ragged batch in pieces of different lengths', async () => {
      const logits = await run(model, [
        [20, 21, 22, 40, 48],
        [7, 8, 20, 27],
      ])
      expectSame(long, logits[0]!, 48)
      expectSame(short, logits[1]!, 27)
    }, 120_000)

    test('gives the logits of PyTorch for two rows after a shared prefix', async () => {
      const { prefix } = await model.makePrefix(long.tokens.slice(0, SHARED), async () => undefined)
      const logits = await run(
        model,
        [
          [17, 30, 48],
          [20, 21, 27],
        ],
        SHARED,
        prefix,
      )
      prefix.dispose()
      expectSame(long, logits[0]!, 48 - SHARED, SHARED)
      expectSame(short, logits[1]!, 27 - SHARED, SHARED)
    }, 120_000)
  },
)
