// Every architecture on the kernels against transformers (tests/oracles/architectures.py): with floats within rounding, from files of
// both formats, alone, in batches and after a shared prefix; with integers within what rounding to 8 bits costs.
import { describe, expect, test } from 'vitest'
import { compareAllWays, runTexts } from '../compare-logits.ts'
import { asEightBits, asFourBits, makeGguf, oracle } from '../small-architectures.ts'
import { openModel, storedFolder, storedGguf } from './open-model.ts'

const BOUND = 1e-4

describe.each(Object.entries(oracle.models))('%s', (_title, saved) => {
  test('computes the logits of transformers with floats from a Hugging Face folder', async () => {
    const { model } = await openModel(await storedFolder(saved), 'exact')
    const differences = await compareAllWays(saved, model)
    for (const [way, worst] of Object.entries(differences)) expect(worst, way).toBeLessThanOrEqual(BOUND)
    await model.release()
  })

  test.skipIf(saved.gguf === undefined)('does so from a GGUF file', async () => {
    const { model } = await openModel(await storedGguf(makeGguf(saved)), 'packed')
    const differences = await compareAllWays(saved, model)
    for (const [way, worst] of Object.entries(differences)) expect(worst, way).toBeLessThanOrEqual(BOUND)
    await model.release()
  })

  test.skipIf(saved.gguf === undefined)(
    'computes the same bits alone, in chunks and after a prefix with packed weights',
    async () => {
      const stored = await storedGguf(makeGguf(saved, asFourBits))
      const { model } = await openModel(stored, 'packed')
      const [long = 0, short = 0] = oracle.texts.map(({ length }) => length)
      const [alone = []] = await runTexts(model, [[long]])
      const [chunks = [], other = []] = await runTexts(model, [
        [14, 15, 16, 30, long],
        [5, 6, 14, 15, short],
      ])
      expect(chunks).toEqual(alone)
      expect(other).toHaveLength(short)
      const { prefix } = await model.makePrefix((oracle.texts[0] ?? []).slice(0, 12), async () => undefined)
      const [after = []] = await runTexts(model, [[13, 25, 26, long]], 12, prefix)
      expect(after).toEqual(alone.slice(12))
      prefix.dispose()
      await model.release()
    },
  )
})

describe('packed weights', () => {
  const saved = oracle.models['qwen3 with wide heads']
  if (saved === undefined) throw new Error('the oracle has no qwen3')

  test.each([
    ['four', asFourBits],
    ['eight', asEightBits],
  ] as const)('of %s bits differ from their floats by the rounding of activations only', async (_, store) => {
    const stored = await storedGguf(makeGguf(saved, store))
    const logits = await Promise.all(
      (['exact', 'packed'] as const).map(async (form) => {
        const { model } = await openModel(stored, form)
        const [rows = []] = await runTexts(model, [[20, 36]])
        await model.release()
        return rows
      }),
    )
    const [exact = [], packed = []] = logits
    expect(exact).toHaveLength(36)
    let [difference, size] = [0, 0]
    exact.forEach((row, i) =>
      row.forEach((logit, j) => {
        difference += (logit - (packed[i]?.[j] ?? Number.NaN)) ** 2
        size += logit ** 2
      }),
    )
    // Rounding to 127 steps of the largest of 32 costs about 0.5 % of each product; four of them follow each other here.
    const relative = Math.sqrt(difference / size)
    expect(relative).toBeLessThanOrEqual(0.02)
    expect(relative).toBeGreaterThan(1e-5)
  })
})
