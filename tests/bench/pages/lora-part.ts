// Knows: tokens/s of training adapters on a real model in the tab, next to the speed of the runtime's own matrix product in the same run; and
// the memory of the runtime.
import { makeRng } from '../../../src/domain/rng.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import { ADAPTER_TARGETS, listAdapters, initialAdapters } from '../../../src/engine/training/adapters.ts'
import { makeBatch } from '../../../src/engine/training/packing.ts'
import { countOf } from '../../../src/engine/training/parameters.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import { sourceFromBlob } from '../../../src/engine/weights/source.ts'
import { estimateAdapterMemory } from '../../../src/pipeline/training/adapter-memory.ts'
import { readGgufCard } from '../../../workers/teachers/gguf-card.ts'
import { loadFrozen } from '../../../workers/student/base-model.ts'
import { medianOf, timeOf, type PartResult } from '../measure.ts'
import { measureCeiling } from './ceiling.ts'

const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf'
const [ROWS, LENGTH, RANK] = [4, 128, 8]
/** Predictions per row that count: as in a row whose second half is the completion. */
const LEARNED = 64
/** Steps, including two of warm-up. */
const STEPS = 7

/** Two wasm threads. */
export async function measureLora(): Promise<PartResult> {
  const response = await fetch(`/models/${FILE}`)
  const source = sourceFromBlob(FILE, await response.blob())
  const described = await readGgufCard(source)
  const { shape } = described.facts
  const runtime = await openRuntime({ backend: 'wasm', threads: 2 })
  const before = await measureCeiling(runtime)
  const options = { rank: RANK, alpha: 16, targets: ADAPTER_TARGETS }
  const frozen = await loadFrozen({ ...described, source, shape })
  const rng = makeRng('lora')
  const trainer = new Trainer(
    runtime,
    { shape, weightDecay: 0, maxGradientNorm: 1, adapts: { ...options, frozen } },
    initialState(initialAdapters(shape, options, () => rng.next())),
  )
  const rows = Array.from({ length: ROWS }, (_, row) => [
    {
      tokens: Int32Array.from({ length: LENGTH + 1 }, (__, i) => (row * 977 + i * i * 31) % shape.vocabulary),
      from: LENGTH - LEARNED,
    },
  ])
  const batch = makeBatch(rows, ROWS, LENGTH)
  const times: number[] = []
  for (let step = 0; step < STEPS; step += 1) times.push(await timeOf(() => trainer.train(batch, 5e-4)))
  const heap = runtime.heapBytes()
  const ms = medianOf(times.slice(2))
  await trainer.release()
  const ceiling = Math.max(before, await measureCeiling(runtime)) // the machine may be busy for a while
  // A frozen matrix has a forward product and one for the gradient of its input: 4 operations per parameter and token; the embedding, as the
  // head, only for predictions that count. An adapter also has a gradient of its own: 6.
  const tokens = ROWS * LENGTH
  const embedding = shape.vocabulary * shape.width
  const operations =
    4 * ((frozen.length - embedding) * tokens + embedding * ROWS * LEARNED) +
    6 * countOf(listAdapters(shape, options)) * tokens
  const gflops = operations / (ms * 1e6)
  const how = `SmolLM2-135M Q4_1 as floats, rank ${RANK} on all projections, batch ${ROWS} × ${LENGTH} tokens, half of them trained, ${runtime.threads} threads`
  return {
    measured: [
      {
        what: 'the runtime’s own matrix product',
        value: ceiling,
        unit: 'GFLOP/s',
        how: `1024 × 1024, f32, ${runtime.threads} threads`,
      },
      {
        what: 'LoRA, training',
        value: (tokens * 1000) / ms,
        unit: 'tokens/s',
        how: `${how}, ${gflops.toFixed(1)} GFLOP/s`,
      },
      {
        what: 'LoRA, the runtime’s memory',
        value: heap / 1e9,
        unit: 'GB',
        how: `wasm heap after ${STEPS} steps; the page estimates ${(estimateAdapterMemory(described.card, { batchSize: ROWS, gradientAccumulation: 1, context: LENGTH }).runtime / 1e9).toFixed(2)} if all tokens are trained`,
      },
    ],
    ratios: [{ what: 'LoRA on SmolLM2-135M, share of the ceiling', ratio: gflops / ceiling }],
  }
}
