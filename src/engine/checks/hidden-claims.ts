// Knows: claims about the cosine loss of hidden states: its value if they are equal, opposite or zero; its gradient;
// and that whole steps with it give PyTorch's losses.
import { differentiate } from '../graph/differentiate.ts'
import { Graph } from '../graph/graph.ts'
import { onHost, type Runtime } from '../runtime/types.ts'
import { hiddenCosine } from '../training/hidden-cosine.ts'
import { makeBatch } from '../training/packing.ts'
import { learningRateAt } from '../training/schedules/index.ts'
import { makeDistillation } from '../training/objectives/distillation.ts'
import { initialState, Trainer } from '../training/trainer.ts'
import type { Claim } from './check.ts'
import { makeNumbers } from './numbers.ts'
import { DISTILLING, HIDDEN_SHARE, makeHiddenRows, makeSmallWeights, SMALL } from './small.ts'

const [ROWS, WIDTH] = [4, 6]
const STUDENT = makeNumbers(ROWS * WIDTH, 21, 1.3)
const TEACHER = makeNumbers(ROWS * WIDTH, 22, 40)
/** Equal weights of the rows. */
const SHARES = Float32Array.from({ length: ROWS }, () => 1 / ROWS)

/**
 * The first five steps on a teacher's probabilities (forward KL) and hidden states, by tests/oracles/hidden-cosine.py.
 */
export const HIDDEN_LOSSES: readonly number[] = [4.105161, 4.106533, 3.957667, 3.513247, 3.367083]

interface Cosine {
  readonly loss: number
  /** With respect to the student's states. */
  readonly gradient: Float32Array
}
/** Loss and gradient at several states of the student. */
async function runCosine(
  runtime: Runtime,
  teacher: Float32Array,
  states: readonly Float32Array[],
): Promise<Cosine[]> {
  const g = new Graph()
  const student = g.input('student', 'f32', [ROWS, WIDTH])
  const loss = hiddenCosine(
    g,
    student,
    g.constant('f32', [ROWS, WIDTH], teacher),
    g.constant('f32', [ROWS, 1], SHARES),
  )
  g.output('loss', loss)
  g.output('gradient', differentiate(g, loss, [student])[0] as typeof student)
  const session = await runtime.open(g.finish())
  try {
    const results: Cosine[] = []
    for (const data of states) {
      const outputs = await session.run({ student: { dtype: 'f32', shape: [ROWS, WIDTH], data } })
      results.push({
        loss: onHost(outputs, 'loss').data[0] as number,
        gradient: onHost(outputs, 'gradient').data as Float32Array,
      })
    }
    return results
  } finally {
    await session.release()
  }
}
const claim = (name: string, bound: number, measure: (runtime: Runtime) => Promise<number>): Claim => ({
  group: 'losses',
  name,
  bound,
  measure: ({ runtime }) => measure(runtime),
})
const lengthOf = (gradient: Float32Array): number => Math.hypot(...gradient)
/** Half the interval of the finite difference. */
const STEP = 4e-3

export const hiddenClaims: readonly Claim[] = [
  ...(
    [
      [1, 0, 'equal'],
      [-1, 2, 'opposite'],
    ] as const
  ).map(([sign, expected, shown]) =>
    claim(
      `the cosine loss of ${shown} hidden states is ${expected} for any lengths, and its gradient is 0`,
      1e-5,
      async (runtime) => {
        const [found] = await runCosine(runtime, TEACHER, [TEACHER.map((x) => (sign * x) / 7)])
        return found ? Math.abs(found.loss - expected) + lengthOf(found.gradient) : Number.NaN
      },
    ),
  ),
  claim(
    'the cosine loss to a teacher with zero states is 1, and its gradient is 0',
    1e-6,
    async (runtime) => {
      const [found] = await runCosine(runtime, new Float32Array(ROWS * WIDTH), [STUDENT])
      return found ? Math.abs(found.loss - 1) + lengthOf(found.gradient) : Number.NaN
    },
  ),
  claim('the cosine loss of zero hidden states is 1', 1e-6, async (runtime) => {
    const [found] = await runCosine(runtime, TEACHER, [new Float32Array(ROWS * WIDTH)])
    return found && found.gradient.every(Number.isFinite) ? Math.abs(found.loss - 1) : Number.NaN
  }),
  claim(
    'the gradient of the cosine loss of hidden states matches finite differences',
    5e-3,
    async (runtime) => {
      const along = makeNumbers(ROWS * WIDTH, 23)
      const at = (step: number): Float32Array => STUDENT.map((x, i) => x + step * (along[i] ?? Number.NaN))
      const [here, before, after] = await runCosine(runtime, TEACHER, [STUDENT, at(-STEP), at(STEP)])
      if (!here || !before || !after) return Number.NaN
      const slope = (after.loss - before.loss) / (2 * STEP)
      const computed = here.gradient.reduce((sum, x, i) => sum + x * (along[i] ?? Number.NaN), 0)
      return Math.abs(slope - computed) / Math.abs(slope)
    },
  ),
  {
    group: 'training',
    name: 'steps on a teacher’s probabilities and hidden states',
    bound: 1e-3,
    measure: async ({ runtime }) => {
      const trainer = new Trainer(
        runtime,
        {
          shape: SMALL,
          weightDecay: 0.1,
          maxGradientNorm: 1,
          objective: makeDistillation({
            divergence: 'forward-kl',
            ...DISTILLING,
            hiddenShare: HIDDEN_SHARE,
          }),
        },
        initialState(makeSmallWeights()),
      )
      let worst = 0
      try {
        for (const [i, expected] of HIDDEN_LOSSES.entries()) {
          const { loss } = await trainer.train(
            makeBatch(
              makeHiddenRows(i + 1).map((row) => [row]),
              3,
              12,
            ),
            learningRateAt(i + 1, { steps: 20, learningRate: 3e-3, warmUp: 0.1 }),
          )
          worst = Math.max(worst, Math.abs(loss - expected) / expected)
        }
      } finally {
        await trainer.release()
      }
      return worst
    },
  },
]
