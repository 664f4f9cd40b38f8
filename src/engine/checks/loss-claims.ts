// Knows: what must hold of each loss whatever the model: no loss and no slope where student and teacher agree, the values at its limits,
// and a gradient that keeps its size when the temperature changes.
import { differentiate } from '../graph/differentiate.ts'
import { Graph } from '../graph/graph.ts'
import { onHost, type Runtime } from '../runtime/types.ts'
import { crossEntropy } from '../training/cross-entropy.ts'
import { distillation, LEAST_PROBABILITY, type DistillationOptions } from '../training/distillation.ts'
import { DIVERGENCES, type DivergenceName } from '../training/divergences/index.ts'
import type { Claim } from './check.ts'
import { makeNumbers } from './numbers.ts'

const [PREDICTIONS, WIDTH, VOCABULARY, CHOICES] = [3, 4, 11, 4]
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

interface Told {
  readonly ids: readonly number[]
  readonly probabilities: readonly number[]
}
/** Distributions as a teacher tells them: the first tokens by `order`, and the rest together. */
function tell(distributions: readonly (readonly number[])[]): Told {
  const rows = distributions.map((row) => {
    const ids = [...row.keys()].toSorted((a, b) => (row[b] ?? 0) - (row[a] ?? 0)).slice(0, CHOICES)
    const listed = ids.map((id) => row[id] ?? 0)
    return {
      ids,
      probabilities: [...listed, 1 - listed.reduce((a, b) => a + b, 0)].map((probability) =>
        Math.max(probability, LEAST_PROBABILITY),
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

/** Loss and gradient of the hidden states, each prediction counting alike. Without a teacher: cross-entropy. */
async function runLoss(
  runtime: Runtime,
  options?: DistillationOptions,
  teacher?: Told,
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
            ids: g.constant('i32', [PREDICTIONS, CHOICES], teacher.ids),
            probabilities: g.constant('f32', [PREDICTIONS, CHOICES + 1], teacher.probabilities),
          },
          options,
        )
      : crossEntropy(g, hidden, head, targets, weights)
  g.output('loss', loss)
  g.output('gradient', differentiate(g, loss, [hidden])[0] as typeof hidden)
  const session = await runtime.open(g.finish())
  try {
    const answer = await session.run({ hidden: { dtype: 'f32', shape: [PREDICTIONS, WIDTH], data: HIDDEN } })
    return {
      loss: onHost(answer, 'loss').data[0] as number,
      gradient: onHost(answer, 'gradient').data as Float32Array,
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
    claim(`${divergence} of a teacher that agrees is 0, and so is its slope`, 2e-6, async ({ runtime }) => {
      const { loss, gradient } = await runLoss(
        runtime,
        { divergence, temperature: 1, textShare: 0 },
        tell(studentAt(1)),
      )
      return Math.max(Math.abs(loss), sizeOf(gradient))
    }),
  ),
  claim('forward-kl to a teacher that is certain is cross-entropy', 1e-5, async ({ runtime }) => {
    const [soft, text] = [
      await runLoss(
        runtime,
        { divergence: 'forward-kl', temperature: 1, textShare: 0 },
        tell(oneHot(TARGETS)),
      ),
      await runLoss(runtime),
    ]
    return (
      Math.abs(soft.loss - text.loss) +
      sizeOf(soft.gradient.map((x, i) => x - (text.gradient[i] ?? Number.NaN)))
    )
  }),
  claim(
    'reverse-kl to a teacher that finds all alike is what the student lacks in entropy',
    1e-5,
    async ({ runtime }) => {
      const even = studentAt(1).map(() => Array.from({ length: VOCABULARY }, () => 1 / VOCABULARY))
      const told = tell(even)
      const { loss } = await runLoss(
        runtime,
        { divergence: 'reverse-kl', temperature: 1, textShare: 0 },
        told,
      )
      const wanted = studentAt(1).map((row, r) => {
        const listed = told.ids.slice(r * CHOICES, (r + 1) * CHOICES).map((id) => row[id] ?? 0)
        const buckets = [...listed, 1 - listed.reduce((a, b) => a + b, 0)]
        const theirs = told.probabilities.slice(r * (CHOICES + 1), (r + 1) * (CHOICES + 1))
        return buckets.reduce((sum, q, i) => sum + q * Math.log(q / (theirs[i] ?? Number.NaN)), 0)
      })
      return Math.abs(loss - wanted.reduce((a, b) => a + b, 0) / PREDICTIONS)
    },
  ),
  claim('jensen-shannon never passes the logarithm of 2', 1e-6, async ({ runtime }) => {
    const least = studentAt(1).map((row) => row.indexOf(Math.min(...row)))
    const { loss } = await runLoss(
      runtime,
      { divergence: 'jensen-shannon', temperature: 1, textShare: 0 },
      tell(oneHot(least)),
    )
    return loss < 0.5 ? Number.NaN : Math.max(0, loss - Math.LN2)
  }),
  ...names.map((divergence) =>
    claim(
      `the slope of ${divergence} keeps its size when the temperature doubles`,
      0.1,
      async ({ runtime }) => {
        const teacher = oneHot(TARGETS).map((row) => row.map((x) => (x + 0.2) / (1 + 0.2 * VOCABULARY)))
        const slopeAt = async (temperature: number): Promise<number> => {
          const warm = teacher.map((row) => {
            const weights = row.map((x) => x ** (1 / temperature))
            const total = weights.reduce((a, b) => a + b, 0)
            return weights.map((weight) => weight / total)
          })
          return sizeOf(
            (await runLoss(runtime, { divergence, temperature, textShare: 0 }, tell(warm))).gradient,
          )
        }
        const [warm, warmer] = [await slopeAt(10), await slopeAt(20)]
        return Math.abs(warmer / warm - 1)
      },
    ),
  ),
]
