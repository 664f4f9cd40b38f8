// The logits of every architecture against transformers (tests/oracles/architectures.py), from files of both formats,
// alone, in batches and after a shared prefix.
import { describe, expect, test } from 'vitest'
import { makeHostModel } from '../../../src/engine/generation/host-cache.ts'
import {
  describeHuggingFace,
  loadHuggingFaceWeights,
} from '../../../src/engine/weights/hugging-face/hugging-face.ts'
import { readHeaderOf } from '../../../src/engine/weights/gguf/gguf-header.ts'
import { loadGgufWeights, type WeightKind } from '../../../src/engine/weights/gguf/llama-gguf.ts'
import type { LoadedWeights } from '../../../src/engine/weights/loaded.ts'
import type { ByteSource } from '../../../src/engine/weights/source.ts'
import { runTexts, compareAllWays } from '../compare-logits.ts'
import { openTestRuntime } from '../session.ts'
import {
  asEightBits,
  asFourBits,
  makeGguf,
  makeSafetensors,
  oracle,
  type OracleModel,
} from '../small-architectures.ts'

const BOUND = 1e-4

async function loadGguf(source: ByteSource, kind: WeightKind): Promise<LoadedWeights> {
  const result = await readHeaderOf(source)
  if (result.kind !== 'header') throw new Error(result.sentence)
  return loadGgufWeights(result.header, source, kind)
}
async function loadFolder(model: OracleModel, kind: WeightKind): Promise<LoadedWeights> {
  const described = await describeHuggingFace({ config: model.config, sources: [makeSafetensors(model)] })
  if (!described.ok) throw new Error(described.sentence)
  return loadHuggingFaceWeights(described.model, kind)
}

async function expectLogits(saved: OracleModel, weights: LoadedWeights): Promise<void> {
  const model = await makeHostModel(await openTestRuntime(), weights, 2, 64)
  const differences = await compareAllWays(saved, model)
  await model.release()
  for (const [way, worst] of Object.entries(differences)) expect(worst, way).toBeLessThanOrEqual(BOUND)
}

describe.each(Object.entries(oracle.models))('%s', (title, saved) => {
  test('computes the logits of transformers from a Hugging Face folder', async () =>
    expectLogits(saved, await loadFolder(saved, 'f32')))

  test.skipIf(saved.gguf === undefined)('computes the logits of transformers from a GGUF file', async () =>
    expectLogits(saved, await loadGguf(makeGguf(saved), 'f32')),
  )

  // Eight bits use the same code path as four, so one model is enough for them.
  test
    .skipIf(saved.gguf === undefined)
    .each([
      ['four', asFourBits],
      ...(title === 'qwen3 with wide heads' ? [['eight', asEightBits] as const] : []),
    ] as const)(
    'computes the same logits with packed %s-bit weights and with their floats',
    async (_bits, store) => {
      const runtime = await openTestRuntime()
      const [floats, packed] = await Promise.all(
        (['f32', 'nb4s'] as const).map(async (kind) => {
          const weights = await loadGguf(makeGguf(saved, store), kind)
          expect(weights.linear(0, 'qkv').kind).toBe(
            kind === 'f32' ? 'f32' : store === asFourBits ? 'nb4s' : 'nb8',
          )
          const model = await makeHostModel(runtime, weights, 1, 64)
          const [logits = []] = await runTexts(model, [[20, 36]])
          await model.release()
          return logits
        }),
      )
      const worst = Math.max(
        ...(floats ?? []).map((row, i) =>
          Math.max(
            ...row.map(
              (logit, j) => Math.abs(logit - (packed?.[i]?.[j] ?? Number.NaN)) / Math.max(1, Math.abs(logit)),
            ),
          ),
        ),
      )
      expect(worst).toBeLessThanOrEqual(BOUND)
      expect(floats?.length).toBe(36)
    },
  )
})
