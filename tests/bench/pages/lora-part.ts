// Knows: how many tokens a second a step of adapters on a real model takes in the tab, beside what the runtime's own matrix product gives
// in the same run; and what memory the runtime has taken for it.
import { makeRng } from '../../../src/domain/rng.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import { ADAPTER_TARGETS, listAdapters, makeFirstAdapters } from '../../../src/engine/training/adapters.ts'
import { makeBatch } from '../../../src/engine/training/packing.ts'
import { countOf } from '../../../src/engine/training/parameters.ts'
import { beginState, Trainer } from '../../../src/engine/training/trainer.ts'
import { sourceFromBlob } from '../../../src/engine/weights/source.ts'
import { estimateAdapted } from '../../../src/pipeline/training/adapted-memory.ts'
import { readGgufCard } from '../../../workers/teachers/gguf-card.ts'
import { loadFrozen } from '../../../workers/student/adapted-model.ts'
import { medianOf, timeOf, type PartAnswer } from '../measure.ts'
import { measureCeiling } from './ceiling.ts'

const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf'
const [ROWS, LENGTH, RANK] = [4, 128, 8]
/** Predictions of each row that count: as in a row whose second half is the completion. */
const LEARNED = 64
/** Steps, of which the first two are not counted. */
const STEPS = 7

/** Two wasm threads. */
export async function measureLora(): Promise<PartAnswer> {
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
    { shape, weightDecay: 0, clip: 1, adapts: { ...options, frozen } },
    beginState(makeFirstAdapters(shape, options, () => rng.next())),
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
  const ceiling = Math.max(before, await measureCeiling(runtime)) // the machine may be busy with something else for a while
  // A frozen matrix is gone through forwards and, for the slope of what it took, backwards: 4 operations a parameter and token; the embedding, as
  // the head, for those that are predicted alone. An adapter has a slope of its own besides: 6.
  const tokens = ROWS * LENGTH
  const embedding = shape.vocabulary * shape.width
  const operations =
    4 * ((frozen.length - embedding) * tokens + embedding * ROWS * LEARNED) +
    6 * countOf(listAdapters(shape, options)) * tokens
  const gflops = operations / (ms * 1e6)
  const how = `SmolLM2-135M Q4_1 as floats, rank ${RANK} on all projections, ${ROWS} rows of ${LENGTH}, half of them learned, ${runtime.threads} threads`
  return {
    measured: [
      {
        what: 'the runtime’s own matrix product',
        value: ceiling,
        unit: 'GFLOP/s',
        how: `1024 × 1024, f32, ${runtime.threads} threads`,
      },
      {
        what: 'LoRA, tokens of a step',
        value: (tokens * 1000) / ms,
        unit: 'tokens/s',
        how: `${how}, ${gflops.toFixed(1)} GFLOP/s`,
      },
      {
        what: 'LoRA, the runtime’s memory',
        value: heap / 1e9,
        unit: 'GB',
        how: `wasm heap after ${STEPS} steps; the page says ${(estimateAdapted(described.card, { batch: ROWS, accumulate: 1, context: LENGTH }).runtime / 1e9).toFixed(2)} where all is learned`,
      },
    ],
    ratios: [{ what: 'LoRA on SmolLM2-135M, share of the ceiling', ratio: gflops / ceiling }],
  }
}
