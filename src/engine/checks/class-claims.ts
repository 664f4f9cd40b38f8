// Knows: what must hold of a head of classes: one class is no question, a student that is its own teacher has nothing to learn, and a
// small decoder trains and answers as transformers' LlamaForSequenceClassification does.
import type { Runtime } from '../runtime/types.ts'
import { Classifier } from '../training/classifier.ts'
import { makeBatch, type PackedRow } from '../training/packing.ts'
import { learningRateAt } from '../training/schedules/index.ts'
import { beginState, Trainer, type TrainerOptions } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { CLASS_LOSSES } from './expected.ts'
import { CLASSING, makeClassRows, SMALL_CLASSES, toShares } from './small-classes.ts'
import { makeSmallWeights } from './small.ts'

const { temperature, softShare, smoothing } = CLASSING
const soften = (share: number): Pick<TrainerOptions, 'distils'> => ({
  distils: { divergence: 'forward-kl', temperature, textShare: 1 - share },
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
    { shape, weightDecay: 0, clip: 0, ...options },
    beginState(makeSmallWeights(shape)),
  )
  try {
    return await work(trainer)
  } finally {
    await trainer.release()
  }
}

/** The rows of a step with the student's own shares of the classes, at the temperature, as their teacher. */
async function teachItself(runtime: Runtime, step: number): Promise<PackedRow[]> {
  const rows = makeClassRows(step)
  const classifier = new Classifier(runtime, SMALL_CLASSES, makeSmallWeights(SMALL_CLASSES))
  try {
    const found = await classifier.classify(rows.map(({ tokens }) => [...tokens.subarray(0, -1)]))
    return rows.map((row, i) => {
      const warm = [...(found[i] ?? [])].map((probability) => probability ** (1 / temperature))
      const total = warm.reduce((sum, one) => sum + one, 0)
      return { ...row, teacher: toShares(warm.map((one) => one / total)) }
    })
  } finally {
    await classifier.release()
  }
}

export const classClaims: readonly Claim[] = [
  {
    group: 'losses',
    name: 'with one class there is nothing to be wrong about: the loss and its gradient are 0',
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
    name: 'a student of classes that is its own teacher has nothing to learn: loss and gradient are 0',
    bound: 1e-4,
    measure: ({ runtime }) =>
      withTrainer(runtime, soften(1), async (trainer) => {
        const { loss, norm } = await trainer.train(batchOf(await teachItself(runtime, 3)), 0)
        return Math.max(Math.abs(loss), Math.abs(norm))
      }),
  },
  ...(['hard', 'both'] as const).map((kind): Claim => ({
    group: 'training',
    name:
      kind === 'hard'
        ? 'three steps on classes have the losses that transformers has'
        : 'three steps on classes with a teacher’s shares have the losses that PyTorch has',
    bound: 1e-3,
    measure: ({ runtime }) =>
      withTrainer(
        runtime,
        { weightDecay: 0.1, clip: 1, ...(kind === 'both' ? { smoothing, ...soften(softShare) } : {}) },
        async (trainer) => {
          let worst = 0
          for (const [i, wanted] of CLASS_LOSSES[kind].entries()) {
            const { loss } = await trainer.train(
              batchOf(makeClassRows(i + 1)),
              learningRateAt(i + 1, { steps: 20, learningRate: 3e-3, warmUp: 0.1 }),
            )
            worst = Math.max(worst, Math.abs(loss - wanted) / wanted)
          }
          return worst
        },
      ),
  })),
]
