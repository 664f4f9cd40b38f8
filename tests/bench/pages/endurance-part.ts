// Knows: whether the memory of a long training stays constant, and how long the first step takes. It runs in a page of its own: a heap
// that a larger part has grown would hide the growth.
import { countOf, listParameters } from '../../../src/engine/training/parameters.ts'
import { makeBatch } from '../../../src/engine/training/packing.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import type { Runtime } from '../../../src/engine/runtime/types.ts'
import type { TrainEvent } from '../../../src/protocol/student.ts'
import { train } from '../../../workers/student/train.ts'
import { makeNumbers } from '../../../src/engine/checks/numbers.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS } from '../../workers/student/memory-stores.ts'
import type { PartResult } from '../measure.ts'
import { makeTokenRows } from '../sizes.ts'

const SMALL = {
  layers: 2,
  width: 48,
  heads: 3,
  kvHeads: 1,
  headWidth: 16,
  feedForward: 128,
  vocabulary: 512,
  context: 64,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
  tiedHead: true,
}

/** Bytes of the runtime's heap after 100 and after 2,000 steps of a small student on rows of two lengths. */
async function measureHeap(runtime: Runtime): Promise<readonly [early: number, late: number]> {
  const trainer = new Trainer(
    runtime,
    { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1 },
    initialState(makeNumbers(countOf(listParameters(SMALL)), 1, 0.02)),
  )
  const rows = makeTokenRows(4, SMALL.vocabulary)
  const batches = [32, 64].map((length) =>
    makeBatch(
      rows.map((row) => [{ ...row, tokens: row.tokens.slice(0, length) }]),
      4,
      length,
    ),
  )
  let early = 0
  for (let step = 1; step <= 2000; step += 1) {
    await trainer.train(batches[step % 2] as (typeof batches)[number], 1e-4)
    if (step === 100) early = runtime.heapBytes()
  }
  const late = runtime.heapBytes()
  await trainer.release()
  return [early, late]
}

/** Milliseconds from the call of the student's worker to its first step event: vocabulary, packing, building and the step itself. */
async function measureFirstStep(runtime: Runtime): Promise<number> {
  const stores = makeMemoryStores(makeRows(200, 20))
  const stop = new AbortController()
  const from = performance.now()
  let first = Number.NaN
  const emit = (event: TrainEvent): void => {
    if (event.kind !== 'step' || !Number.isNaN(first)) return
    first = performance.now() - from
    stop.abort()
  }
  await train(
    {
      ...IDS,
      settings: {
        ...SETTINGS,
        preset: 'micro',
        vocabulary: 1024,
        steps: 100,
        batchSize: 8,
        evaluateEvery: 100,
      },
      backend: 'wasm',
    },
    { signal: stop.signal, emit },
    { stores, openRuntime: async () => runtime, now: () => performance.now() },
  )
  return first
}

/** Two wasm threads. */
export async function measureEndurance(): Promise<PartResult> {
  const runtime = await openRuntime({ backend: 'wasm', threads: 2 })
  const firstStep = await measureFirstStep(runtime)
  const [early, late] = await measureHeap(runtime)
  return {
    measured: [
      {
        what: 'from “Train student” to the first step, micro',
        value: firstStep,
        unit: 'ms',
        how: '200 rows; vocabulary, packing and building included',
      },
      {
        what: 'memory of the runtime after 2,000 steps',
        value: late / 1e6,
        unit: 'MB',
        how: `0.1 M parameters, two lengths; ${(early / 1e6).toFixed(0)} MB after 100`,
      },
    ],
    ratios: [{ what: 'memory after 2,000 steps relative to after 100', ratio: late / early }],
  }
}
