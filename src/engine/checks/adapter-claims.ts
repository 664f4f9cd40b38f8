// Knows: claims about low-rank adapters: new ones change nothing, merged ones give the same loss as separate ones, and
// training reduces the loss.
import type { Runtime } from '../runtime/types.ts'
import {
  ADAPTER_TARGETS,
  listAdapters,
  initialAdapters,
  mergeAdapters,
  type AdapterOptions,
} from '../training/adapters.ts'
import { makeBatch } from '../training/packing.ts'
import { countOf, type Flat } from '../training/parameters.ts'
import { initialState, Trainer, type TrainerOptions } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { makeNumbers } from './numbers.ts'
import { makeSmallRows, makeSmallWeights, makeUniform, SMALL } from './small.ts'

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
    { shape: SMALL, weightDecay: 0, maxGradientNorm: 0, ...options },
    initialState(state),
  )
  try {
    return await work(trainer)
  } finally {
    await trainer.release()
  }
}
const measurePlain = (runtime: Runtime, weights: Flat): Promise<number> =>
  withTrainer(runtime, weights, {}, (trainer) => trainer.measure([batch()]))
const measureSeparate = (runtime: Runtime, adapters: Flat): Promise<number> =>
  withTrainer(runtime, adapters, { adapts: { ...OPTIONS, frozen: makeSmallWeights() } }, (trainer) =>
    trainer.measure([batch()]),
  )

/** Losses near 4 in 32-bit floats, with products in another order. */
const BOUND = 2e-5

export const adapterClaims: readonly Claim[] = [
  {
    group: 'training',
    name: 'new adapters do not change the loss of their model',
    bound: BOUND,
    measure: async ({ runtime }) =>
      Math.abs(
        (await measureSeparate(runtime, initialAdapters(SMALL, OPTIONS, makeUniform(1)))) -
          (await measurePlain(runtime, makeSmallWeights())),
      ),
  },
  {
    group: 'training',
    name: 'separate and merged adapters give the same loss',
    bound: BOUND,
    measure: async ({ runtime }) => {
      const adapters = makeNumbers(countOf(listAdapters(SMALL, OPTIONS)), 5, 0.2)
      return Math.abs(
        (await measureSeparate(runtime, adapters)) -
          (await measurePlain(runtime, mergeAdapters(SMALL, OPTIONS, makeSmallWeights(), adapters))),
      )
    },
  },
  {
    group: 'training',
    name: 'thirty steps on adapters reduce the loss by a quarter or more',
    bound: 0.75,
    measure: ({ runtime }) =>
      withTrainer(
        runtime,
        initialAdapters(SMALL, OPTIONS, makeUniform(1)),
        { adapts: { ...OPTIONS, frozen: makeSmallWeights() } },
        async (trainer) => {
          const before = await trainer.measure([batch()])
          for (let step = 0; step < 30; step++) await trainer.train(batch(), 0.02)
          return (await trainer.measure([batch()])) / before
        },
      ),
  },
]
