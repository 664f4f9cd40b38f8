// Knows: the graphs of training: one whole step (forward, backward, update), its two halves for gradient accumulation,
// and the loss alone.
// Must not know: sessions, data, schedules.
// Long because the whole step and its two halves are built from the same parts.
import { differentiate } from '../graph/differentiate.ts'
import { Graph, type OnnxModel, type Value } from '../graph/graph.ts'
import { add, concat, gather, gemm, reshape, softmax } from '../graph/ops/index.ts'
import { buildDecoder } from '../models/decoder.ts'
import type { DecoderShape } from '../models/shape.ts'
import { addAdapters, type AdapterOptions } from './adapters.ts'
import { makeAttention } from './attention.ts'
import { addDropout } from './dropout.ts'
import type { Group } from './layout.ts'
import { logLikelihood } from './log-likelihood.ts'
import type { Objective, OwnSizes } from './objectives/objective.ts'
import { CLASS_HEAD, headOf, listParameters } from './parameters.ts'
import { openGroups, ruleGroups, updateGroups, type OpenedGroup, type UpdateOptions } from './step-state.ts'

/** The sizes of a batch that its graph depends on: rows, each padded to `length` tokens. */
export interface BatchSize {
  readonly rows: number
  readonly length: number
  /** Sequence packing: rows contain several texts, and the batch has an attention mask. */
  readonly packed: boolean
  /** Sizes that the objective needs. */
  readonly own: OwnSizes
}

export interface LossOptions {
  readonly objective: Objective
  /** The batch has dropout masks. */
  readonly drops: boolean
}

/**
 * The inputs of a batch that every objective has, with R predictions that count (all others need no head):
 * - `ids` i64 [rows · length, 1];
 * - `picked` i64 [R, 1], the indices of the predictions among the ids, `targets` i32 [R, 1] and `weights` f32 [R, 1];
 * - with packed rows: `attention_mask` f32 [rows, 1, length, length].
 */
interface BatchValues {
  readonly ids: Value
  readonly picked: Value
  readonly targets: Value
  readonly weights: Value
  readonly attentionMask?: Value
}

/** Declares the inputs of a batch and builds its loss, a scalar. */
function buildLoss(
  g: Graph,
  shape: DecoderShape,
  size: BatchSize,
  parameters: ReadonlyMap<string, Value>,
  { objective, drops, adapts }: LossOptions & Pick<UpdateOptions, 'adapts'>,
): Value {
  const batch = openBatch(g, size)
  const lossOf = objective.open(g, shape, size.own)
  const { targets, weights } = batch
  return lossOf({
    hidden: buildHidden(g, shape, size, parameters, batch, { drops, adapts }),
    head: parameters.get(headOf(shape)) ?? raise(headOf(shape)),
    targets,
    weights,
  })
}

/** Hidden states of the predictions that count, f32 [R, width]. */
function buildHidden(
  g: Graph,
  shape: DecoderShape,
  { rows, length }: Pick<BatchSize, 'rows' | 'length'>,
  parameters: ReadonlyMap<string, Value>,
  batch: Pick<BatchValues, 'ids' | 'picked' | 'attentionMask'>,
  { drops, adapts }: { readonly drops: boolean; readonly adapts: AdapterOptions | undefined },
): Value {
  const need = (name: string): Value => parameters.get(name) ?? raise(name)
  const embedding = need('embedding')
  const x = reshape(g, gather(g, embedding, batch.ids), [rows * length, shape.width])
  const attend = makeAttention(g, shape, rows, length, batch.attentionMask)
  const drop = drops ? addDropout(g, shape, rows * length) : (undropped: Value): Value => undropped
  const project = (input: Value, layer: number, name: 'qkv' | 'output' | 'gate' | 'up' | 'down'): Value => {
    const product = gemm(g, input, need(`layer ${layer} ${name}`))
    return adapts ? addAdapters(g, shape, adapts, need, { input, product, layer, name }) : product
  }
  const hidden = buildDecoder(g, shape, x, {
    linear: (input, layer, name) =>
      name === 'gateUp' ? raise(name) : drop(project(input, layer, name), layer, name),
    gateAndUp: (input, layer) => [project(input, layer, 'gate'), project(input, layer, 'up')],
    normWeight: (layer, name) => need(name === 'final' ? 'final norm' : `layer ${layer} ${name} norm`),
    attend: (qkv) => attend(qkv),
  })
  return reshape(g, gather(g, hidden, batch.picked), [-1, shape.width])
}

function raise(name: string): never {
  throw new RangeError(`The parameter ${name} is missing.`)
}

function openBatch(g: Graph, { rows, length, packed }: BatchSize): BatchValues {
  return {
    ids: g.input('ids', 'i64', [rows * length, 1]),
    picked: g.input('picked', 'i64', ['R', 1]),
    targets: g.input('targets', 'i32', ['R', 1]),
    weights: g.input('weights', 'f32', ['R', 1]),
    ...(packed ? { attentionMask: g.input('attention_mask', 'f32', [rows, 1, length, length]) } : {}),
  }
}

const trainedOf = (opened: readonly OpenedGroup[]): Map<string, Value> =>
  new Map(opened.flatMap(({ members }) => [...members]))

/** The trained parameters and, with adapters, the frozen ones of the decoder, each an input under its name. */
function parametersOf(
  g: Graph,
  shape: DecoderShape,
  opened: readonly OpenedGroup[],
  { adapts }: Pick<UpdateOptions, 'adapts'>,
): Map<string, Value> {
  const trained = trainedOf(opened)
  return adapts
    ? new Map([
        ...trained,
        ...listParameters(shape).map(({ name, shape: size }): [string, Value] => [
          name,
          g.input(name, 'f32', size),
        ]),
      ])
    : trained
}

/** The loss, and its gradient for each group in the shape of the group's buffer. */
function buildGradients(
  g: Graph,
  shape: DecoderShape,
  size: BatchSize,
  opened: readonly OpenedGroup[],
  options: LossOptions & Pick<UpdateOptions, 'adapts'>,
): { loss: Value; gradients: Value[] } {
  const parameters = trainedOf(opened)
  const loss = buildLoss(g, shape, size, parametersOf(g, shape, opened, options), options)
  const gradientList = differentiate(g, loss, [...parameters.values()])
  const gradientOf = new Map([...parameters.keys()].map((name, i) => [name, gradientList[i] as Value]))
  const gradients = opened.map(({ members }) => {
    const parts = [...members.keys()].map((name) => gradientOf.get(name) as Value)
    return parts.length === 1
      ? (parts[0] as Value)
      : concat(
          g,
          parts.map((part) => reshape(g, part, [-1])),
          0,
        )
  })
  return { loss, gradients }
}

/**
 * Log-probabilities of the predictions that count. Inputs: `ids`, `picked` and `targets` of a batch and the weights of
 * each group. Output: `log_probs` f32 [R, 1].
 */
export function buildLogProbGraph(
  shape: DecoderShape,
  { rows, length }: Pick<BatchSize, 'rows' | 'length'>,
  options: UpdateOptions,
): OnnxModel {
  const g = new Graph()
  const opened = openGroups(g, ruleGroups(shape, options), 'weights')
  const parameters = parametersOf(g, shape, opened, options)
  const batch = { ids: g.input('ids', 'i64', [rows * length, 1]), picked: g.input('picked', 'i64', ['R', 1]) }
  const hiddenStates = buildHidden(g, shape, { rows, length }, parameters, batch, {
    drops: false,
    adapts: options.adapts,
  })
  g.output(
    'log_probs',
    logLikelihood(
      g,
      hiddenStates,
      parameters.get(headOf(shape)) ?? raise(headOf(shape)),
      g.input('targets', 'i32', ['R', 1]),
    ),
  )
  return g.finish()
}

/**
 * Class probabilities at the predictions that count; for a shape that has classes. Inputs: `ids` and `picked` of a
 * batch and the weights of each group. Output: `probabilities` f32 [R, classes].
 */
export function buildClassGraph(
  shape: DecoderShape,
  { rows, length }: Pick<BatchSize, 'rows' | 'length'>,
  options: UpdateOptions,
): OnnxModel {
  const g = new Graph()
  const opened = openGroups(g, ruleGroups(shape, options), 'weights')
  const parameters = parametersOf(g, shape, opened, options)
  const batch = { ids: g.input('ids', 'i64', [rows * length, 1]), picked: g.input('picked', 'i64', ['R', 1]) }
  const hiddenStates = buildHidden(g, shape, { rows, length }, parameters, batch, {
    drops: false,
    adapts: options.adapts,
  })
  g.output(
    'probabilities',
    softmax(g, gemm(g, hiddenStates, parameters.get(CLASS_HEAD) ?? raise(CLASS_HEAD), { transB: true })),
  )
  return g.finish()
}

/**
 * The loss alone, by which held-out rows are measured: without dropout. Inputs: the batch and the weights of each group.
 * Output: `loss`.
 */
export function buildLossGraph(
  shape: DecoderShape,
  size: BatchSize,
  options: UpdateOptions & Pick<LossOptions, 'objective'>,
): OnnxModel {
  const { objective, adapts } = options
  const g = new Graph()
  const opened = openGroups(g, ruleGroups(shape, options), 'weights')
  g.output(
    'loss',
    buildLoss(g, shape, size, parametersOf(g, shape, opened, options), {
      objective: objective.evaluation ?? objective,
      drops: false,
      ...(adapts ? { adapts } : {}),
    }),
  )
  return g.finish()
}

/**
 * A whole step. Inputs: the batch, the scalars of the update, dropout masks if there are any, and every part of each
 * group.
 * Outputs: `loss` (before the update), `norm` (of the gradient, before clipping) and the next parts.
 */
export function buildTrainStep(
  shape: DecoderShape,
  size: BatchSize,
  options: UpdateOptions & LossOptions,
): OnnxModel {
  const g = new Graph()
  const opened = openGroups(g, ruleGroups(shape, options), 'all')
  const { loss, gradients } = buildGradients(g, shape, size, opened, options)
  g.output('loss', loss)
  updateGroups(g, opened, gradients, options)
  return g.finish()
}

/** Names of the input and the output of a group's accumulated gradients. */
export const sumNames = (group: Group): { in: string; out: string } => ({
  in: `${group.name} sum`,
  out: `next ${group.name} sum`,
})

/**
 * Gradient accumulation: the gradients of one batch, added to those of the earlier batches. Outputs: `loss` and the
 * sums.
 */
export function buildGradientStep(
  shape: DecoderShape,
  size: BatchSize,
  options: UpdateOptions & LossOptions,
): OnnxModel {
  const g = new Graph()
  const opened = openGroups(g, ruleGroups(shape, options), 'weights')
  const { loss, gradients } = buildGradients(g, shape, size, opened, options)
  g.output('loss', loss)
  opened.forEach(({ group }, i) => {
    const names = sumNames(group)
    g.output(names.out, add(g, g.input(names.in, 'f32', group.shape), gradients[i] as Value))
  })
  return g.finish()
}

/** The update from accumulated gradients. Outputs: `norm` and the next parts. */
export function buildUpdate(shape: DecoderShape, options: UpdateOptions): OnnxModel {
  const g = new Graph()
  const opened = openGroups(g, ruleGroups(shape, options), 'all')
  updateGroups(
    g,
    opened,
    opened.map(({ group }) => g.input(sumNames(group).in, 'f32', group.shape)),
    options,
  )
  return g.finish()
}
