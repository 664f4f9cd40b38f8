// Knows: the graphs of training: one whole step (forward, backward, update), its two halves for gradient accumulation,
// and the loss alone.
// Must not know: sessions, data, schedules.
// Long because the whole step and its two halves are built from the same parts, with one loss per objective.
import { differentiate } from '../graph/differentiate.ts'
import { Graph, type OnnxModel, type Value } from '../graph/graph.ts'
import { add, concat, gather, gemm, mul, reduceSum, reshape, softmax, split } from '../graph/ops/index.ts'
import { buildDecoder } from '../models/decoder.ts'
import type { DecoderShape } from '../models/shape.ts'
import { addAdapters, type AdapterOptions } from './adapters.ts'
import { makeAttention } from './attention.ts'
import { crossEntropy } from './cross-entropy.ts'
import { smoothedDistillation, type DistillationOptions, type TeacherValues } from './distillation.ts'
import { addDropout } from './dropout.ts'
import { hiddenCosine } from './hidden-cosine.ts'
import type { Group } from './layout.ts'
import { logLikelihood } from './log-likelihood.ts'
import { policyLoss, type PolicyNumbers, type PolicyValues } from './policy.ts'
import { CLASS_HEAD, headOf, listParameters } from './parameters.ts'
import { PREFERENCES, type PreferenceName, type PreferenceNumbers } from './preferences/index.ts'
import { openGroups, ruleGroups, updateGroups, type OpenedGroup, type UpdateOptions } from './step-state.ts'

/** The sizes of a batch that its graph depends on: rows, each padded to `length` tokens. */
export interface BatchSize {
  readonly rows: number
  readonly length: number
  /** Sequence packing: rows contain several texts, and the batch has an attention mask. */
  readonly packed: boolean
  /** Top-k of the batch's soft targets; 0 without a teacher. */
  readonly topK: number
  /** The batch has the teacher's hidden states, as wide as the student's. */
  readonly hidden?: boolean
  /** Slots for pairs of answers; 0 without pairs. */
  readonly pairs?: number
  /** The batch has advantages of the student's own answers. */
  readonly rewarded?: boolean
}

export interface LossOptions {
  /** Label smoothing, 0 to 1. */
  readonly smoothing: number
  /** The batch has dropout masks. */
  readonly drops: boolean
  /** Learn from the teacher's soft targets, if the batch has them. */
  readonly distils?: DistillationOptions
  /** Learn from pairs of answers, if the batch has them. */
  readonly prefers?: PreferenceOptions
  /** Learn from rewards of the student's own answers, if the batch has them. */
  readonly reinforces?: PolicyNumbers
}
export interface PreferenceOptions extends PreferenceNumbers {
  readonly loss: PreferenceName
}
/** The loss of an evaluation: no label smoothing, no dropout. */
export const EVALUATION_LOSS: LossOptions = { smoothing: 0, drops: false }

/**
 * The inputs of a batch, with R predictions that count (all others need no head):
 * - `ids` i64 [rows · length, 1];
 * - `picked` i64 [R, 1], the indices of the predictions among the ids, `targets` i32 [R, 1] and `weights` f32 [R, 1];
 * - with packed rows: `attention_mask` f32 [rows, 1, length, length];
 * - with soft targets: `teacher_ids` i32 [R, k], `teacher_probabilities` f32 [R, k + 1] and, if they count,
 *   `teacher_hidden` f32 [R, width];
 * - with N pairs of answers: `chosen` and `rejected` f32 [N, R] (which prediction belongs to which answer),
 *   `references` f32 [N, 2], `pair_weights` f32 [N, 1] and `drift` f32 [1, 1];
 * - with rewards: `advantages`, `old_log_probs` and `reference_log_probs`, each f32 [R, 1].
 */
interface BatchValues {
  readonly ids: Value
  readonly picked: Value
  readonly targets: Value
  readonly weights: Value
  readonly attentionMask?: Value
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

/**
 * Loss of a batch, a scalar: of pairs, rewards or soft targets if the batch has them, else Σ weight · cross-entropy.
 */
function buildLoss(
  g: Graph,
  shape: DecoderShape,
  { rows, length }: BatchSize,
  parameters: ReadonlyMap<string, Value>,
  batch: BatchValues,
  { smoothing, drops, distils, prefers, reinforces, adapts }: LossOptions & Pick<UpdateOptions, 'adapts'>,
): Value {
  const hiddenStates = buildHidden(g, shape, { rows, length }, parameters, batch, { drops, adapts })
  const head = parameters.get(headOf(shape)) ?? raise(headOf(shape))
  if (prefers && batch.pairs) {
    const { chosen, rejected, references, weights, drift } = batch.pairs
    const logProbs = logLikelihood(g, hiddenStates, head, batch.targets)
    const [chosenReference, rejectedReference] = split(g, references, [1, 1], 1) as [Value, Value]
    const losses = PREFERENCES[prefers.loss].loss(
      g,
      {
        chosen: gemm(g, chosen, logProbs),
        rejected: gemm(g, rejected, logProbs),
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
      logLikelihood(g, hiddenStates, head, batch.targets),
      batch.policy,
      batch.weights,
      reinforces,
    )
  if (distils && batch.teacher) {
    const soft = smoothedDistillation(g, hiddenStates, head, batch.targets, batch.weights, batch.teacher, {
      ...distils,
      smoothing,
    })
    return batch.teacher.hidden
      ? add(
          g,
          soft,
          mul(
            g,
            hiddenCosine(g, hiddenStates, batch.teacher.hidden, batch.weights),
            g.scalar(distils.hiddenShare ?? 0),
          ),
        )
      : soft
  }
  return crossEntropy(g, hiddenStates, head, batch.targets, batch.weights, smoothing)
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

function openBatch(
  g: Graph,
  width: number,
  { rows, length, packed, topK, hidden = false, pairs = 0, rewarded = false }: BatchSize,
): BatchValues {
  const batch = {
    ids: g.input('ids', 'i64', [rows * length, 1]),
    picked: g.input('picked', 'i64', ['R', 1]),
    targets: g.input('targets', 'i32', ['R', 1]),
    weights: g.input('weights', 'f32', ['R', 1]),
  }
  return {
    ...batch,
    ...(packed ? { attentionMask: g.input('attention_mask', 'f32', [rows, 1, length, length]) } : {}),
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
            oldLogProbs: g.input('old_log_probs', 'f32', ['R', 1]),
            referenceLogProbs: g.input('reference_log_probs', 'f32', ['R', 1]),
          },
        }
      : {}),
    ...(topK > 0
      ? {
          teacher: {
            ids: g.input('teacher_ids', 'i32', ['R', topK]),
            probabilities: g.input('teacher_probabilities', 'f32', ['R', topK + 1]),
            ...(hidden ? { hidden: g.input('teacher_hidden', 'f32', ['R', width]) } : {}),
          },
        }
      : {}),
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
  const loss = buildLoss(
    g,
    shape,
    size,
    parametersOf(g, shape, opened, options),
    openBatch(g, shape.width, size),
    options,
  )
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
  { rows, length }: BatchSize,
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
 * The loss alone: of pairs if the batch has them, else cross-entropy. Inputs: the batch and the weights of each group.
 * Output: `loss`.
 */
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
      ...EVALUATION_LOSS,
      ...(options.adapts ? { adapts: options.adapts } : {}),
      ...(options.prefers ? { prefers: options.prefers } : {}),
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
