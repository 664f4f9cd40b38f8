// Knows: claims about each loss for any model: loss and gradient are 0 if student and teacher agree, the values at its
// limits, and a gradient that keeps its size when the temperature changes.
import { differentiate } from '../graph/differentiate.ts'
import { Graph } from '../graph/graph.ts'
import { onHost, type Runtime } from '../runtime/types.ts'
import { crossEntropy } from '../training/cross-entropy.ts'
import { distillation, MIN_PROBABILITY, type DistillationOptions } from '../training/distillation.ts'
import { DIVERGENCES, type DivergenceName } from '../training/divergences/index.ts'
import type { Claim } from './check.ts'
import { makeNumbers } from './numbers.ts'

const [PREDICTIONS, WIDTH, VOCABULARY, TOP_K] = [3, 4, 11, 4]
const HIDDEN = makeNumbers(PREDICTIONS * WIDTH, 7, 1.2)
const HEAD = makeNumbers(VOCABULARY * WIDTH, 8, 0.9)
const TARGETS = [2, 9, 4]

/** The student's distributions at a temperature, in 64-bit floats. */
function studentAt(temperature: number): number[][] {
  return Array.from({ length: PREDICTIONS }, (_, r) => {
    const weights = Array.from({ length: VOCABULARY }, (__, v) => {
      let logit = 0
      for (let i = 0; i < WIDTH; i++) logit += (HIDDEN[r * WIDTH + i] ?? 0) * (HEAD[v * WIDTH + i] ?? 0)
      return Math.exp(logit / temperature)
    })
    const total = weights.reduce((a, b) => a + b, 0)
    return weights.map((weight) => weight / total)
  })
}

interface SoftTargets {
  readonly ids: readonly number[]
  readonly probabilities: readonly number[]
}
/** Distributions as soft targets: the top-k tokens and the remaining mass. */
function toTopK(distributions: readonly (readonly number[])[]): SoftTargets {
  const rows = distributions.map((row) => {
    const ids = [...row.keys()].toSorted((a, b) => (row[b] ?? 0) - (row[a] ?? 0)).slice(0, TOP_K)
    const listed = ids.map((id) => row[id] ?? 0)
    return {
      ids,
      probabilities: [...listed, 1 - listed.reduce((a, b) => a + b, 0)].map((probability) =>
        Math.max(probability, MIN_PROBABILITY),
      ),
    }
  })
  return {
    ids: rows.flatMap(({ ids }) => ids),
    probabilities: rows.flatMap(({ probabilities }) => probabilities),
  }
}
const oneHot = (tokens: readonly number[]): number[][] =>
  tokens.map((token) => Array.from({ length: VOCABULARY }, (_, v) => (v === token ? 1 : 0)))

/**
 * Loss and its gradient by the hidden states, with equal weights of the predictions. Without a teacher: cross-entropy.
 */
async function runLoss(
  runtime: Runtime,
  options?: DistillationOptions,
  teacher?: SoftTargets,
): Promise<{ loss: number; gradient: Float32Array }> {
  const g = new Graph()
  const hidden = g.input('hidden', 'f32', [PREDICTIONS, WIDTH])
  const head = g.constant('f32', [VOCABULARY, WIDTH], HEAD)
  const targets = g.constant('i32', [PREDICTIONS, 1], TARGETS)
  const weights = g.constant(
    'f32',
    [PREDICTIONS, 1],
    TARGETS.map(() => 1 / PREDICTIONS),
  )
  const loss =
    options && teacher
      ? distillation(
          g,
          hidden,
          head,
          targets,
          weights,
          {
            ids: g.constant('i32', [PREDICTIONS, TOP_K], teacher.ids),
            probabilities: g.constant('f32', [PREDICTIONS, TOP_K + 1], teacher.probabilities),
          },
          options,
        )
      : crossEntropy(g, hidden, head, targets, weights)
  g.output('loss', loss)
  g.output('gradient', differentiate(g, loss, [hidden])[0] as typeof hidden)
  const session = await runtime.open(g.finish())
  try {
    const outputs = await session.run({ hidden: { dtype: 'f32', shape: [PREDICTIONS, WIDTH], data: HIDDEN } })
    return {
      loss: onHost(outputs, 'loss').data[0] as number,
      gradient: onHost(outputs, 'gradient').data as Float32Array,
    }
  } finally {
    await session.release()
  }
}

const sizeOf = (gradient: Float32Array): number => Math.hypot(...gradient)
const names = Object.keys(DIVERGENCES) as DivergenceName[]
const claim = (name: string, bound: number, measure: Claim['measure']): Claim => ({
  group: 'losses',
  name,
  bound,
  measure,
})

export const lossClaims: readonly Claim[] = [
  ...names.map((divergence) =>
    claim(`${divergence} and its gradient are 0 if teacher and student agree`, 2e-6, async ({ runtime }) => {
      const { loss, gradient } = await runLoss(
        runtime,
        { divergence, temperature: 1, textShare: 0 },
        toTopK(studentAt(1)),
      )
      return Math.max(Math.abs(loss), sizeOf(gradient))
    }),
  ),
  claim('forward-kl to a one-hot teacher is cross-entropy', 1e-5, async ({ runtime }) => {
    const [soft, text] = [
      await runLoss(
        runtime,
        { divergence: 'forward-kl', temperature: 1, textShare: 0 },
        toTopK(oneHot(TARGETS)),
      ),
      await runLoss(runtime),
    ]
    return (
      Math.abs(soft.loss - text.loss) +
      sizeOf(soft.gradient.map((x, i) => x - (text.gradient[i] ?? Number.NaN)))
    )
  }),
  claim('reverse-kl to a uniform teacher is the student’s entropy deficit', 1e-5, async ({ runtime }) => {
    const uniform = studentAt(1).map(() => Array.from({ length: VOCABULARY }, () => 1 / VOCABULARY))
    const targets = toTopK(uniform)
    const { loss } = await runLoss(
      runtime,
      { divergence: 'reverse-kl', temperature: 1, textShare: 0 },
      targets,
    )
    const expected = studentAt(1).map((row, r) => {
      const listed = targets.ids.slice(r * TOP_K, (r + 1) * TOP_K).map((id) => row[id] ?? 0)
      const buckets = [...listed, 1 - listed.reduce((a, b) => a + b, 0)]
      const theirs = targets.probabilities.slice(r * (TOP_K + 1), (r + 1) * (TOP_K + 1))
      return buckets.reduce((sum, q, i) => sum + q * Math.log(q / (theirs[i] ?? Number.NaN)), 0)
    })
    return Math.abs(loss - expected.reduce((a, b) => a + b, 0) / PREDICTIONS)
  }),
  claim('jensen-shannon never exceeds log 2', 1e-6, async ({ runtime }) => {
    const unlikely = studentAt(1).map((row) => row.indexOf(Math.min(...row)))
    const { loss } = await runLoss(
      runtime,
      { divergence: 'jensen-shannon', temperature: 1, textShare: 0 },
      toTopK(oneHot(unlikely)),
    )
    return loss < 0.5 ? Number.NaN : Math.max(0, loss - Math.LN2)
  }),
  ...names.map((divergence) =>
    claim(
      `the gradient of ${divergence} keeps its size if the temperature doubles`,
      0.1,
      async ({ runtime }) => {
        const teacher = oneHot(TARGETS).map((row) => row.map((x) => (x + 0.2) / (1 + 0.2 * VOCABULARY)))
        const gradientSizeAt = async (temperature: number): Promise<number> => {
          const warm = teacher.map((row) => {
            const weights = row.map((x) => x ** (1 / temperature))
            const total = weights.reduce((a, b) => a + b, 0)
            return weights.map((weight) => weight / total)
          })
          return sizeOf(
            (await runLoss(runtime, { divergence, temperature, textShare: 0 }, toTopK(warm))).gradient,
          )
        }
        const [warm, warmer] = [await gradientSizeAt(10), await gradientSizeAt(20)]
        return Math.abs(warmer / warm - 1)
      },
    ),
  ),
]
