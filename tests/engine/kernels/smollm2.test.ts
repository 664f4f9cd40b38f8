// SmolLM2-135M on the kernels: with floats the logits of PyTorch (tests/oracles/logits.py), with integers the same choices within a
// bounded divergence, and greedy text.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CachedModel } from '../../../src/engine/generation/cached-model.ts'
import { Generator } from '../../../src/engine/generation/generator.ts'
import { tokenizerFromGguf } from '../../../src/engine/tokenizers/tokenizer.ts'
import { storedInGguf } from '../../../src/engine/weights/gguf/llama-gguf.ts'
import oracle from '../../oracles/logits.json'
import { hasSharedModel, openSharedModel, readSharedHeader, whySkipped } from '../shared-model.ts'
import { openModel, type OpenedModel } from './open-model.ts'

const BOUND = 2e-4
const [long] = oracle.texts as [(typeof oracle.texts)[number]]

/** Logits of every position of a text. */
async function run(model: CachedModel, tokens: readonly number[]): Promise<Float32Array[]> {
  const slot = model.open()
  const out = await model.step([{ slot, tokens, logitsAt: tokens.map((_, at) => at) }], undefined, true)
  model.close(slot)
  return tokens.map((_, at) => out.subarray(at * model.vocabulary, (at + 1) * model.vocabulary))
}

const logSumExp = (row: Float32Array): number => {
  const largest = row.reduce((top, x) => Math.max(top, x), -Infinity)
  return largest + Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0))
}
const best = (row: Float32Array): number => row.reduce((top, x, id) => (x > (row[top] ?? 0) ? id : top), 0)

describe.skipIf(!hasSharedModel)(`SmolLM2${whySkipped}`, () => {
  let packed: OpenedModel
  let exactLogits: readonly Float32Array[] = []
  beforeAll(async () => {
    const stored = storedInGguf(await readSharedHeader(), openSharedModel())
    const exact = await openModel(stored, 'exact')
    exactLogits = await run(exact.model, long.tokens)
    await exact.model.release()
    packed = await openModel(stored, 'packed', { slots: 4, contextLength: 256 })
  }, 120_000)
  afterAll(() => packed?.model.release())

  test('gives the logits of PyTorch with floats', () => {
    expect(exactLogits).toHaveLength(48)
    exactLogits.forEach((row, position) => {
      expect(best(row)).toBe(long.best[position])
      const pairs = [
        [logSumExp(row), long.logSumExp[position]],
        ...oracle.places.map((place, j) => [row[place], long.chosen[position]?.[j]] as const),
      ] as const
      for (const [ours = Number.NaN, theirs = Number.NaN] of pairs)
        expect(Math.abs(ours - theirs)).toBeLessThanOrEqual(BOUND)
    })
  })

  test('diverges little with packed weights, and holds them in less than six bits each', async () => {
    const rows = await run(packed.model, long.tokens)
    let [sum, worst] = [0, 0]
    rows.forEach((row, position) => {
      const exact = exactLogits[position] ?? row
      const [a, b] = [logSumExp(exact), logSumExp(row)]
      let kl = 0
      exact.forEach((logit, id) => (kl += Math.exp(logit - a) * (logit - a - ((row[id] ?? 0) - b))))
      sum += kl
      worst = Math.max(worst, kl)
      // Another token only where two are nearly as likely.
      const [theirs, ours] = [exact[best(exact)] ?? Number.NaN, exact[best(row)] ?? Number.NaN]
      expect(theirs - ours).toBeLessThanOrEqual(0.3)
    })
    // Measured: mean 0.004 over 64 positions, worst 0.021.
    expect(sum / rows.length).toBeLessThanOrEqual(0.01)
    expect(worst).toBeLessThanOrEqual(0.06)
    expect(packed.weights.bytes / 134_515_008).toBeLessThanOrEqual(6 / 8)
  }, 60_000)

  test('writes the greedy text that llama.cpp writes', async () => {
    const header = await readSharedHeader()
    const made = tokenizerFromGguf(header.metadata)
    if (!made.ok) throw new Error(made.sentence)
    const { tokenizer } = made
    const generator = Generator.over(packed.model, tokenizer)
    const texts: string[] = []
    await generator.generate(
      [
        {
          id: 'capital',
          tokens: tokenizer.encodeChat([
            { role: 'system', content: 'You are a helpful assistant.' },
            { role: 'user', content: 'What is the capital of France? Answer in one sentence.' },
          ]),
          sampling: {
            temperature: 0,
            topK: 0,
            topP: 1,
            minP: 0,
            repetitionPenalty: 1,
            maxTokens: 12,
            stop: [],
            rngSeed: '1',
          },
        },
      ],
      { onResult: ({ text, refusal }) => texts.push(refusal ?? text) },
    )
    expect(texts).toEqual(['The capital of France is Paris.'])
  }, 60_000)
})
