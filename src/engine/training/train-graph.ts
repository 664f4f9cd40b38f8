// Knows: the graphs of training: one whole step (forward, backward, AdamW), and the loss alone.
// Must not know: sessions, data, schedules.
import { differentiate } from '../graph/differentiate.ts'
import { Graph, type OnnxModel, type Value } from '../graph/graph.ts'
import { concat, gather, gemm, reshape } from '../graph/ops/index.ts'
import { buildDecoder } from '../models/decoder.ts'
import type { DecoderShape } from '../models/shape.ts'
import { STEP_SCALARS, updateAdamW, type AdamWOptions, type ScalarValues } from './adam-w.ts'
import { makeAttention } from './attention.ts'
import { clipByNorm } from './clip-norm.ts'
import { crossEntropy } from './cross-entropy.ts'
import { groupParameters, openGroup, type Group, type Layout } from './layout.ts'
import { listParameters } from './parameters.ts'

/** Size of a batch: rows, each padded to `length` tokens. */
export interface BatchSize {
  readonly rows: number
  readonly length: number
}

/**
 * A batch's inputs. `ids` i64 [rows · length, 1]; and for the R positions whose predictions count (all others need no head)
 * `picked` i64 [R, 1], where they stand among the ids, `targets` i32 [R, 1] and `weights` f32 [R, 1].
 */
interface BatchValues {
  readonly ids: Value
  readonly picked: Value
  readonly targets: Value
  readonly weights: Value
}

/** Loss of a batch from its parameters: Σ weight · cross-entropy, a scalar. */
export function buildLoss(g: Graph, shape: DecoderShape, { rows, length }: BatchSize, parameters: ReadonlyMap<string, Value>, batch: BatchValues): Value {
  const need = (name: string): Value => parameters.get(name) ?? raise(name)
  const embedding = need('embedding')
  const x = reshape(g, gather(g, embedding, batch.ids), [rows * length, shape.width])
  const attend = makeAttention(g, shape, rows, length)
  const hidden = buildDecoder(g, shape, x, {
    linear: (input, layer, name) => gemm(g, input, need(`layer ${layer} ${name}`)),
    gateAndUp: (input, layer) => [gemm(g, input, need(`layer ${layer} gate`)), gemm(g, input, need(`layer ${layer} up`))],
    normWeight: (layer, name) => need(name === 'final' ? 'final norm' : `layer ${layer} ${name} norm`),
    attend: (qkv) => attend(qkv),
  })
  const predicting = reshape(g, gather(g, hidden, batch.picked), [-1, shape.width])
  return crossEntropy(g, predicting, embedding, batch.targets, batch.weights)
}

function raise(name: string): never {
  throw new RangeError(`The parameter ${name} is missing.`)
}

function openBatch(g: Graph, { rows, length }: BatchSize): BatchValues {
  return { ids: g.input('ids', 'i64', [rows * length, 1]), picked: g.input('picked', 'i64', ['R', 1]), targets: g.input('targets', 'i32', ['R', 1]), weights: g.input('weights', 'f32', ['R', 1]) }
}

/** Names under which a group's buffers enter a step and leave it. */
export const stateNames = (group: Group): { in: readonly [string, string, string]; out: readonly [string, string, string] } => ({
  in: [group.name, `${group.name} first`, `${group.name} second`],
  out: [`next ${group.name}`, `next ${group.name} first`, `next ${group.name} second`],
})

/** The loss alone. Inputs: the batch and the weights of each group. Output: `loss`. */
export function buildLossGraph(shape: DecoderShape, size: BatchSize, layout: Layout): OnnxModel {
  const g = new Graph()
  const batch = openBatch(g, size)
  const parameters = new Map<string, Value>()
  for (const group of groupParameters(listParameters(shape), layout)) {
    for (const [name, value] of openGroup(g, group, g.input(group.name, 'f32', group.shape))) parameters.set(name, value)
  }
  g.output('loss', buildLoss(g, shape, size, parameters, batch))
  return g.finish()
}

/**
 * A whole step. Inputs: the batch, the scalars of AdamW, and weights and both moments of each group (`stateNames`).
 * Outputs: `loss` (before the update), `norm` (of the gradient, before clipping) and the next state.
 */
export function buildTrainStep(shape: DecoderShape, size: BatchSize, options: { layout: Layout; clip: number; adamW: AdamWOptions }): OnnxModel {
  const g = new Graph()
  const batch = openBatch(g, size)
  const input = (name: string): Value => g.input(name, 'f32', [])
  const scalars: ScalarValues = { rate: input(STEP_SCALARS[0]), epsilon: input(STEP_SCALARS[1]), keep: input(STEP_SCALARS[2]) }
  const opened = groupParameters(listParameters(shape), options.layout).map((group) => {
    const [weights, first, second] = stateNames(group).in.map((name) => g.input(name, 'f32', group.shape)) as [Value, Value, Value]
    return { group, state: { weights, first, second }, members: openGroup(g, group, weights) }
  })
  const parameters = new Map(opened.flatMap(({ members }) => [...members]))
  const loss = buildLoss(g, shape, size, parameters, batch)
  const found = differentiate(g, loss, [...parameters.values()])
  const gradientOf = new Map([...parameters.keys()].map((name, i) => [name, found[i] as Value]))
  const gradients = opened.map(({ members }) => {
    const parts = [...members.keys()].map((name) => gradientOf.get(name) as Value)
    return parts.length === 1 ? (parts[0] as Value) : concat(g, parts.map((part) => reshape(g, part, [-1])), 0)
  })
  const { norm, scale } = clipByNorm(g, gradients, options.clip)
  g.output('loss', loss)
  g.output('norm', norm)
  opened.forEach(({ group, state }, i) => {
    const next = updateAdamW(g, state, gradients[i] as Value, scale, scalars, group.decays, options.adamW)
    const names = stateNames(group).out
    g.output(names[0], next.weights)
    g.output(names[1], next.first)
    g.output(names[2], next.second)
  })
  return g.finish()
}
