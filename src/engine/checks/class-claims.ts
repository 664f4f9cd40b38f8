// Knows: claims about a class head: the loss with one class is 0, the loss of a student that is its own teacher is 0,
// and a small decoder has the training losses of transformers' LlamaForSequenceClassification.
import type { Runtime } from '../runtime/types.ts'
import { Classifier } from '../training/classifier.ts'
import { makeBatch, type PackedRow } from '../training/packing.ts'
import { learningRateAt } from '../training/schedules/index.ts'
import { makeDistillation } from '../training/objectives/distillation.ts'
import { initialState, Trainer, type TrainerOptions } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { CLASS_LOSSES } from './expected.ts'
import { CLASS_OPTIONS, makeClassRows, SMALL_CLASSES, toSoftTargets } from './small-classes.ts'
import { makeSmallWeights } from './small.ts'

const { temperature, softShare, smoothing } = CLASS_OPTIONS
const soften = (share: number, smooth = 0): Pick<TrainerOptions, 'objective'> => ({
  objective: makeDistillation({
    divergence: 'forward-kl',
    temperature,
    textShare: 1 - share,
    smoothing: smooth,
  }),
})
const batchOf = (rows: readonly PackedRow[]) =>
  makeBatch(
    rows.map((row) => [row]),
    3,
    12,
  )

async function withTrainer(
  runtime: Runtime,
  options: Partial<TrainerOptions>,
  work: (trainer: Trainer) => Promise<number>,
): Promise<number> {
  const { shape = SMALL_CLASSES } = options
  const trainer = new Trainer(
    runtime,
    { shape, weightDecay: 0, maxGradientNorm: 0, ...options },
    initialState(makeSmallWeights(shape)),
  )
  try {
    return await work(trainer)
  } finally {
    await trainer.release()
  }
}

/** The rows of one step with the student's own class probabilities, at the temperature, as soft targets. */
async function distillItself(runtime: Runtime, step: number): Promise<PackedRow[]> {
  const rows = makeClassRows(step)
  const classifier = new Classifier(runtime, SMALL_CLASSES, makeSmallWeights(SMALL_CLASSES))
  try {
    const probabilities = await classifier.classify(rows.map(({ tokens }) => [...tokens.subarray(0, -1)]))
    return rows.map((row, i) => {
      const warm = [...(probabilities[i] ?? [])].map((probability) => probability ** (1 / temperature))
      const total = warm.reduce((sum, one) => sum + one, 0)
      return { ...row, teacher: toSoftTargets(warm.map((one) => one / total)) }
    })
  } finally {
    await classifier.release()
  }
}

export const classClaims: readonly Claim[] = [
  {
    group: 'losses',
    name: 'with one class, loss and gradient are 0',
    bound: 1e-6,
    measure: ({ runtime }) =>
      withTrainer(runtime, { shape: { ...SMALL_CLASSES, classes: 1 } }, async (trainer) => {
        const rows = makeClassRows(3).map((row): PackedRow => ({
          tokens: Int32Array.of(...row.tokens.subarray(0, -1), 0),
          from: row.from,
        }))
        const { loss, norm } = await trainer.train(batchOf(rows), 0)
        return Math.max(Math.abs(loss), Math.abs(norm))
      }),
  },
  {
    group: 'losses',
    name: 'loss and gradient of a classifier that is its own teacher are 0',
    bound: 1e-4,
    measure: ({ runtime }) =>
      withTrainer(runtime, soften(1), async (trainer) => {
        const { loss, norm } = await trainer.train(batchOf(await distillItself(runtime, 3)), 0)
        return Math.max(Math.abs(loss), Math.abs(norm))
      }),
  },
  ...(['hard', 'both'] as const).map((kind): Claim => ({
    group: 'training',
    name:
      kind === 'hard'
        ? 'three steps on classes give the losses of transformers'
        : 'three steps on classes with a teacher’s probabilities give PyTorch’s losses',
    bound: 1e-3,
    measure: ({ runtime }) =>
      withTrainer(
        runtime,
        {
          weightDecay: 0.1,
          maxGradientNorm: 1,
          ...(kind === 'both' ? soften(softShare, smoothing) : {}),
        },
        async (trainer) => {
          let worst = 0
          for (const [i, expected] of CLASS_LOSSES[kind].entries()) {
            const { loss } = await trainer.train(
              batchOf(makeClassRows(i + 1)),
              learningRateAt(i + 1, { steps: 20, learningRate: 3e-3, warmUp: 0.1 }),
            )
            worst = Math.max(worst, Math.abs(loss - expected) / expected)
          }
          return worst
        },
      ),
  })),
]
