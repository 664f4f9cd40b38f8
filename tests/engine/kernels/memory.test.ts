// The estimate of a model's memory on the kernels against what loading it takes.
import { expect, test } from 'vitest'
import { estimateKernelMemory } from '../../../src/engine/kernels/memory.ts'
import { storedInGguf } from '../../../src/engine/weights/gguf/llama-gguf.ts'
import { describeGguf } from '../../../src/engine/weights/gguf/describe-gguf.ts'
import type { DecoderShape } from '../../../src/engine/models/shape.ts'
import { hasSharedModel, openSharedModel, readSharedHeader, whySkipped } from '../shared-model.ts'
import { openModel } from './open-model.ts'

const SHAPE: DecoderShape = {
  layers: 1,
  width: 64,
  heads: 2,
  kvHeads: 2,
  headWidth: 32,
  feedForward: 64,
  vocabulary: 1000,
  context: 128,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
  tiedHead: true,
}
const embedding = (type: string, bytes: number, tiedHead: boolean) =>
  estimateKernelMemory({
    shape: { ...SHAPE, tiedHead },
    matrices: [{ type, rows: 1000, columns: 64, bytes, isEmbedding: true }],
  })

test('a tied embedding is held once if the kernels hold it without loss, else in the file’s bytes as well', () => {
  const four = embedding('Q4_1', 40_000, true)
  expect(four.rounded).toBeUndefined()
  // Packed as the head or kept as the file has it, five bits a weight are 40,000 bytes.
  expect(embedding('Q4_1', 40_000, false).kernels).toBe(four.kernels)
  const floats = embedding('F16', 128_000, true)
  expect(floats.kernels - four.kernels).toBe(256_000 - 40_000 + 128_000 - 40_000)
  expect(floats.rounded).toBe(floats.kernels - 256_000 + 72_000 + 128_000)
})

test.skipIf(!hasSharedModel)(
  `SmolLM2 takes what was estimated${whySkipped}`,
  async () => {
    const header = await readSharedHeader()
    const described = describeGguf(header)
    if (!described.ok) throw new Error(described.sentence)
    const { facts } = described
    const { kernels } = estimateKernelMemory(facts)
    const {
      model,
      kernels: opened,
      weights,
    } = await openModel(storedInGguf(header, openSharedModel()), 'packed', {
      slots: 8,
      contextLength: 1024,
    })
    const slots = Array.from({ length: 8 }, () => model.open())
    // One page of each row; the others have the same size.
    for (const slot of slots) await model.step([{ slot, tokens: [1], logitsAt: [] }], undefined, true)
    const { layers, kvHeads, headWidth } = facts.shape
    const cached = 8 * 1024 * 2 * 4 * layers * kvHeads * headWidth
    const pages = 8 * 16 * 2 * 4 * layers * kvHeads * headWidth
    const taken = opened.heap.used - pages + cached
    expect(weights.bytes).toBeLessThan(110e6)
    expect(kernels / taken).toBeGreaterThan(0.95)
    // The file's largest matrix is in memory until it is packed.
    expect(kernels / taken).toBeLessThan(1.2)
    await model.release()
  },
  60_000,
)
