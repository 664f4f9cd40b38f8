// Knows: the graphs of training: one whole step (forward, backward, update), its two halves where several batches make a step,
// and the loss alone.
// Must not know: sessions, data, schedules.
import { differentiate } from '../graph/differentiate.ts'
import { Graph, type OnnxModel, type Value } from '../graph/graph.ts'
import { add, concat, gather, gemm, mul, reduceSum, reshape, softmax, split } from '../graph/ops/index.ts'
import { buildDecoder } from '../models/decoder.ts'
import type { DecoderShape } from '../models/shape.ts'
import { addAdapters, type AdapterOptions } from './adapters.ts'
import { makeAttention } from './attention.ts'
import { crossEntropy } from './cross-entropy.ts'
import { smoothedDistillation, type DistillationOptions, type TeacherValues } from './distillation.ts'
import { openDropout } from './dropout.ts'
import { hiddenCosine } from './hidden-cosine.ts'
import type { Group } from './layout.ts'
import { logLikelihood } from './log-likelihood.ts'
import { policyLoss, type PolicyNumbers, type PolicyValues } from './policy.ts'
import { CLASS_HEAD, headOf, listParameters } from './parameters.ts'
import { PREFERENCES, type PreferenceName, type PreferenceNumbers } from './preferences/index.ts'
import { openGroups, ruleGroups, updateGroups, type OpenedGroup, type UpdateOptions } from './step-state.ts'

/** Size of a batch: rows, each padded to `length` tokens. */
export interface BatchSize {
  readonly rows: number
  readonly length: number
  /** Rows hold several texts one after another; the batch brings what each position may see. */
  readonly packed: boolean
  /** Tokens of the teacher that the batch brings for each prediction; 0 without a teacher. */
  readonly choices: number
  /** The batch brings the teacher's hidden states, as wide as the student's own. */
  readonly hidden?: boolean
  /** Places for pairs of answers; 0 where rows stand alone. */
  readonly pairs?: number
  /** The batch brings how good each of the student's own answers was. */
  readonly rewarded?: boolean
}

export interface LossOptions {
  /** Label smoothing, 0 to 1. */
  readonly smoothing: number
  /** Masks of dropout are given. */
  readonly drops: boolean
  /** Learn from the teacher's probabilities, where the batch brings them. */
  readonly distils?: DistillationOptions
  /** Learn from pairs of answers, where the batch brings them. */
  readonly prefers?: PreferenceOptions
  /** Learn from how good the student's own answers were, where the batch brings it. */
  readonly reinforces?: PolicyNumbers
}
export interface PreferenceOptions extends PreferenceNumbers {
  readonly loss: PreferenceName
}
/** The loss as it is measured: of the model as it is. */
export const PLAIN_LOSS: LossOptions = { smoothing: 0, drops: false }

/**
 * A batch's inputs. `ids` i64 [rows · length, 1]; and for the R positions whose predictions count (all others need no head)
 * `picked` i64 [R, 1], where they stand among the ids, `targets` i32 [R, 1] and `weights` f32 [R, 1]; `seen` f32
 * [rows, 1, length, length] where rows are packed; `teacher_ids` i32 [R, k] and `teacher_probabilities` f32 [R, k + 1] where the
 * student learns from them, with `teacher_hidden` f32 [R, width] where those count too; and where it learns from N pairs of answers `chosen` and `rejected` f32 [N, R] (which prediction belongs to
 * which answer), `references` f32 [N, 2], `pair_weights` f32 [N, 1] and `drift` f32 [1, 1]; where it learns from its own answers
 * `advantages`, `before` and `reference`, each f32 [R, 1].
 */
interface BatchValues {
  readonly ids: Value
  readonly picked: Value
  readonly targets: Value
  readonly weights: Value
  readonly seen?: Value
  readonly teacher?: TeacherValues
  readonly pairs?: {
    readonly chosen: Value
    readonly rejected: Value
    readonly references: Value
    readonly weights: Value
    readonly drift: Value
  }
  readonly policy?: PolicyValues
}

/** Loss of a batch from its parameters: Σ weight · cross-entropy, a scalar. */
function buildLoss(
  g: Graph,
  shape: DecoderShape,
  { rows, length }: BatchSize,
  parameters: ReadonlyMap<string, Value>,
  batch: BatchValues,
  { smoothing, drops, distils, prefers, reinforces, adapts }: LossOptions & Pick<UpdateOptions, 'adapts'>,
): Value {
  const predicting = buildHidden(g, shape, { rows, length }, parameters, batch, { drops, adapts })
  const head = parameters.get(headOf(shape)) ?? raise(headOf(shape))
  if (prefers && batch.pairs) {
    const { chosen, rejected, references, weights, drift } = batch.pairs
    const likelihoods = logLikelihood(g, predicting, head, batch.targets)
    const [chosenReference, rejectedReference] = split(g, references, [1, 1], 1) as [Value, Value]
    const losses = PREFERENCES[prefers.loss].loss(
      g,
      {
        chosen: gemm(g, chosen, likelihoods),
        rejected: gemm(g, rejected, likelihoods),
        chosenReference,
        rejectedReference,
        drift,
      },
      prefers,
    )
    return reduceSum(g, mul(g, losses, weights), [0, 1], false)
  }
  if (reinforces && batch.policy)
    return policyLoss(
      g,
      logLikelihood(g, predicting, head, batch.targets),
      batch.policy,
      batch.weights,
      reinforces,
    )
  if (distils && batch.teacher) {
    const said = smoothedDistillation(g, predicting, head, batch.targets, batch.weights, batch.teacher, {
      ...distils,
      smoothing,
    })
    return batch.teacher.hidden
      ? add(
          g,
          said,
          mul(
            g,
            hiddenCosine(g, predicting, batch.teacher.hidden, batch.weights),
            g.scalar(distils.hiddenShare ?? 0),
          ),
        )
      : said
  }
  return crossEntropy(g, predicting, head, batch.targets, batch.weights, smoothing)
}

/** Hidden states of the predictions that count, f32 [R, width]. */
function buildHidden(
  g: Graph,
  shape: DecoderShape,
  { rows, length }: Pick<BatchSize, 'rows' | 'length'>,
  parameters: ReadonlyMap<string, Value>,
  batch: Pick<BatchValues, 'ids' | 'picked' | 'seen'>,
  { drops, adapts }: { readonly drops: boolean; readonly adapts: AdapterOptions | undefined },
): Value {
  const need = (name: string): Value => parameters.get(name) ?? raise(name)
  const embedding = need('embedding')
  const x = reshape(g, gather(g, embedding, batch.ids), [rows * length, shape.width])
  const attend = makeAttention(g, shape, rows, length, batch.seen)
  const drop = drops ? openDropout(g, shape, rows * length) : (kept: Value): Value => kept
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

function openBatch(
  g: Graph,
  width: number,
  { rows, length, packed, choices, hidden = false, pairs = 0, rewarded = false }: BatchSize,
): BatchValues {
  const batch = {
    ids: g.input('ids', 'i64', [rows * length, 1]),
    picked: g.input('picked', 'i64', ['R', 1]),
    targets: g.input('targets', 'i32', ['R', 1]),
    weights: g.input('weights', 'f32', ['R', 1]),
  }
  return {
    ...batch,
    ...(packed ? { seen: g.input('seen', 'f32', [rows, 1, length, length]) } : {}),
    ...(pairs > 0
      ? {
          pairs: {
            chosen: g.input('chosen', 'f32', [pairs, 'R']),
            rejected: g.input('rejected', 'f32', [pairs, 'R']),
            references: g.input('references', 'f32', [pairs, 2]),
            weights: g.input('pair_weights', 'f32', [pairs, 1]),
            drift: g.input('drift', 'f32', [1, 1]),
          },
        }
      : {}),
    ...(rewarded
      ? {
          policy: {
            advantages: g.input('advantages', 'f32', ['R', 1]),
            before: g.input('before', 'f32', ['R', 1]),
            reference: g.input('reference', 'f32', ['R', 1]),
          },
        }
      : {}),
    ...(choices > 0
      ? {
          teacher: {
            ids: g.input('teacher_ids', 'i32', ['R', choices]),
            probabilities: g.input('teacher_probabilities', 'f32', ['R', choices + 1]),
            ...(hidden ? { hidden: g.input('teacher_hidden', 'f32', ['R', width]) } : {}),
          },
        }
      : {}),
  }
}

const trainedOf = (opened: readonly OpenedGroup[]): Map<string, Value> =>
  new Map(opened.flatMap(({ members }) => [...members]))

/** What is trained and, where that is adapters, the decoder's own parameters, each an input under its name. */
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

/** The loss, and its gradient by group in the form of the group's buffer. */
function buildGradients(
  g: Graph,
  shape: DecoderShape,
  size: BatchSize,
  opened: readonly OpenedGroup[],
  options: LossOptions & Pick<UpdateOptions, 'adapts'>,
): { loss: Value; gradients: Value[] } {
  const parameters = trainedOf(opened)
  const loss = buildLoss(
    g,
    shape,
    size,
    parametersOf(g, shape, opened, options),
    openBatch(g, shape.width, size),
    options,
  )
  const found = differentiate(g, loss, [...parameters.values()])
  const gradientOf = new Map([...parameters.keys()].map((name, i) => [name, found[i] as Value]))
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

/** Log-probabilities of the predictions that count. Inputs: `ids`, `picked` and `targets` of a batch and the weights of each group. Output: `likelihoods` f32 [R, 1]. */
export function buildLikelihoodGraph(
  shape: DecoderShape,
  { rows, length }: BatchSize,
  options: UpdateOptions,
): OnnxModel {
  const g = new Graph()
  const opened = openGroups(g, ruleGroups(shape, options), 'weights')
  const parameters = parametersOf(g, shape, opened, options)
  const batch = { ids: g.input('ids', 'i64', [rows * length, 1]), picked: g.input('picked', 'i64', ['R', 1]) }
  const predicting = buildHidden(g, shape, { rows, length }, parameters, batch, {
    drops: false,
    adapts: options.adapts,
  })
  g.output(
    'likelihoods',
    logLikelihood(
      g,
      predicting,
      parameters.get(headOf(shape)) ?? raise(headOf(shape)),
      g.input('targets', 'i32', ['R', 1]),
    ),
  )
  return g.finish()
}

/**
 * Probabilities of the classes, at the predictions that count; for a shape that has classes. Inputs: `ids` and `picked` of a batch and
 * the weights of each group. Output: `probabilities` f32 [R, classes].
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
  const predicting = buildHidden(g, shape, { rows, length }, parameters, batch, {
    drops: false,
    adapts: options.adapts,
  })
  g.output(
    'probabilities',
    softmax(g, gemm(g, predicting, parameters.get(CLASS_HEAD) ?? raise(CLASS_HEAD), { transB: true })),
  )
  return g.finish()
}

/** The loss alone: plain, or of pairs where the batch brings some. Inputs: the batch and the weights of each group. Output: `loss`. */
export function buildLossGraph(
  shape: DecoderShape,
  size: BatchSize,
  options: UpdateOptions & Pick<LossOptions, 'prefers'>,
): OnnxModel {
  const g = new Graph()
  const opened = openGroups(g, ruleGroups(shape, options), 'weights')
  g.output(
    'loss',
    buildLoss(g, shape, size, parametersOf(g, shape, opened, options), openBatch(g, shape.width, size), {
      ...PLAIN_LOSS,
      ...(options.adapts ? { adapts: options.adapts } : {}),
      ...(options.prefers ? { prefers: options.prefers } : {}),
    }),
  )
  return g.finish()
}

/**
 * A whole step. Inputs: the batch, the scalars of the update, masks of dropout where there are, and every part of each group.
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

/** Names under which a group's gradients so far enter and leave a part of a step. */
export const sumNames = (group: Group): { in: string; out: string } => ({
  in: `${group.name} sum`,
  out: `next ${group.name} sum`,
})

/** The gradients of one of the batches that make a step, added to those so far. Outputs: `loss` and the sums. */
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

/** The update from summed gradients. Outputs: `norm` and the next parts. */
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
