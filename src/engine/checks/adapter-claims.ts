// Knows: what must hold of low-rank adapters: fresh ones change nothing, merged ones say what they say apart, and a step moves them down
// the slope that their gradient tells.
import type { Runtime } from '../runtime/types.ts'
import {
  ADAPTER_TARGETS,
  listAdapters,
  makeFirstAdapters,
  mergeAdapters,
  type AdapterOptions,
} from '../training/adapters.ts'
import { makeBatch } from '../training/packing.ts'
import { countOf, type Flat } from '../training/parameters.ts'
import { beginState, Trainer, type TrainerOptions } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { makeNumbers } from './numbers.ts'
import { makeSmallRows, makeSmallWeights, makeWords, SMALL } from './small.ts'

const OPTIONS: AdapterOptions = { rank: 3, alpha: 6, targets: ADAPTER_TARGETS }
const batch = () =>
  makeBatch(
    makeSmallRows(2).map((row) => [row]),
    3,
    12,
  )

async function withTrainer<T>(
  runtime: Runtime,
  state: Flat,
  options: Partial<TrainerOptions>,
  work: (trainer: Trainer) => Promise<T>,
): Promise<T> {
  const trainer = new Trainer(
    runtime,
    { shape: SMALL, weightDecay: 0, clip: 0, ...options },
    beginState(state),
  )
  try {
    return await work(trainer)
  } finally {
    await trainer.release()
  }
}
const measurePlain = (runtime: Runtime, weights: Flat): Promise<number> =>
  withTrainer(runtime, weights, {}, (trainer) => trainer.measure([batch()]))
const measureApart = (runtime: Runtime, adapters: Flat): Promise<number> =>
  withTrainer(runtime, adapters, { adapts: { ...OPTIONS, frozen: makeSmallWeights() } }, (trainer) =>
    trainer.measure([batch()]),
  )

/** Losses near 4 in 32-bit floats, their products in another order. */
const BOUND = 2e-5

export const adapterClaims: readonly Claim[] = [
  {
    group: 'training',
    name: 'fresh adapters change nothing of the model that they lie on',
    bound: BOUND,
    measure: async ({ runtime }) =>
      Math.abs(
        (await measureApart(runtime, makeFirstAdapters(SMALL, OPTIONS, makeWords(1)))) -
          (await measurePlain(runtime, makeSmallWeights())),
      ),
  },
  {
    group: 'training',
    name: 'adapters beside their model and merged into it give one loss',
    bound: BOUND,
    measure: async ({ runtime }) => {
      const adapters = makeNumbers(countOf(listAdapters(SMALL, OPTIONS)), 5, 0.2)
      return Math.abs(
        (await measureApart(runtime, adapters)) -
          (await measurePlain(runtime, mergeAdapters(SMALL, OPTIONS, makeSmallWeights(), adapters))),
      )
    },
  },
  {
    group: 'training',
    name: 'thirty steps on adapters bring the loss of their rows down',
    bound: 0.75,
    measure: ({ runtime }) =>
      withTrainer(
        runtime,
        makeFirstAdapters(SMALL, OPTIONS, makeWords(1)),
        { adapts: { ...OPTIONS, frozen: makeSmallWeights() } },
        async (trainer) => {
          const before = await trainer.measure([batch()])
          for (let step = 0; step < 30; step++) await trainer.train(batch(), 0.02)
          return (await trainer.measure([batch()])) / before
        },
      ),
  },
]
