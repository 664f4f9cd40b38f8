// Knows: a training run on a runtime: its sessions, its state between steps, on the host or on the device.
// Must not know: data order, schedules, files.
import type { OnnxModel } from '../graph/graph.ts'
import type { DecoderShape } from '../models/shape.ts'
import { dropTensor } from '../runtime/tensors.ts'
import type { DeviceTensor, HostTensor, Runtime, Session } from '../runtime/types.ts'
import { listTrained, type AdapterOptions } from './adapters.ts'
import { freshShare } from './averaging.ts'
import type { DistillationOptions } from './distillation.ts'
import { dropSites, makeDropMask } from './dropout.ts'
import { viewGroup, type Layout } from './layout.ts'
import { scalarsOf, type OptimizerName } from './optimizers/index.ts'
import type { Batch } from './packing.ts'
import type { BatchOfPairs, PairBatch } from './pairs.ts'
import type { BatchOfAnswers, PolicyNumbers } from './policy.ts'
import { countOf, listParameters, viewParameters, type Flat } from './parameters.ts'
import { nameIn, nameOut, ruleGroups, type RuledGroup, type UpdateOptions } from './step-state.ts'
import {
  buildGradientStep,
  buildLikelihoodGraph,
  buildLossGraph,
  buildTrainStep,
  buildUpdate,
  sumNames,
  type BatchSize,
  type LossOptions,
  type PreferenceOptions,
} from './train-graph.ts'

export interface TrainerOptions {
  readonly shape: DecoderShape
  readonly weightDecay: number
  /** Largest norm of the gradient; 0 does not clip. */
  readonly clip: number
  /** Default `adam-w`. */
  readonly optimizer?: OptimizerName
  /** Label smoothing, 0 to 1; default 0. */
  readonly smoothing?: number
  /** Share of what each layer adds that is dropped in training, 0 to 0.9; default 0. */
  readonly dropout?: number
  /** Decay of the running average of the weights, 0 to 1; default 0, which keeps none. */
  readonly averaging?: number
  /** Learn from the teacher's probabilities that batches bring, instead of the text alone. */
  readonly distils?: DistillationOptions
  /** Learn from the pairs of answers that batches bring, instead of the text alone. */
  readonly prefers?: PreferenceOptions
  /** Learn from how good the student's own answers were, which batches bring, instead of the text alone. */
  readonly reinforces?: PolicyNumbers
  /** Train adapters on a decoder that stays as it is; the state then is that of the adapters. */
  readonly adapts?: FrozenDecoder
  /** Default: each parameter in a buffer of its own, which both backends take and which is no slower on wasm. */
  readonly layout?: Layout
}

/** Adapters and the decoder they lie on: its parameters in one array, which must not change meanwhile. */
export interface FrozenDecoder extends AdapterOptions {
  readonly frozen: Flat
}

/** All that training changes, in the order of the parameters. */
export interface TrainState {
  readonly weights: Flat
  readonly first: Flat
  readonly second: Flat
  /** The running average of the weights, where one is kept: what is measured, writes and is taken home. */
  readonly average?: Flat
  /** Steps done. */
  readonly step: number
}

/** A beginning: these weights, no moments. */
export const beginState = (weights: Flat): TrainState => ({
  weights,
  first: new Float32Array(weights.length),
  second: new Float32Array(weights.length),
  step: 0,
})

type Tensor = HostTensor | DeviceTensor
type Feeds = Record<string, Tensor>
const scalar = (x: number): HostTensor => ({ dtype: 'f32', shape: [], data: Float32Array.of(x) })

/** Runs train steps and held-out losses. One call at a time; graphs are built for each length when it first comes. */
export class Trainer {
  readonly #runtime: Runtime
  readonly #options: TrainerOptions
  readonly #graphs: UpdateOptions & LossOptions
  readonly #groups: readonly RuledGroup[]
  readonly #sessions = new Map<string, Session>()
  readonly #frozen: Feeds
  #state: Feeds = {}
  /** The state before the last step, by the names of a step's outputs: memory for the next one where the runtime can write into it. */
  #spare: Record<string, HostTensor> = {}
  #step = 0
  #drift = 0

  constructor(runtime: Runtime, options: TrainerOptions, state: TrainState) {
    const {
      shape,
      clip,
      layout = 'separate',
      optimizer = 'adam-w',
      averaging = 0,
      smoothing = 0,
      dropout = 0,
      distils,
      prefers,
      reinforces,
      adapts,
    } = options
    this.#runtime = runtime
    this.#options = options
    this.#graphs = {
      layout,
      clip,
      optimizer,
      averages: averaging > 0,
      smoothing,
      drops: dropout > 0,
      ...(distils ? { distils } : {}),
      ...(prefers ? { prefers } : {}),
      ...(reinforces ? { reinforces } : {}),
      ...(adapts ? { adapts: { rank: adapts.rank, alpha: adapts.alpha, targets: adapts.targets } } : {}),
    }
    this.#frozen = adapts ? feedFrozen(shape, adapts.frozen) : {}
    this.#groups = ruleGroups(shape, this.#graphs)
    this.load(state)
  }

  /** Steps done. */
  get step(): number {
    return this.#step
  }

  /** Takes over a state; it is copied. An average that is kept and not given begins at the weights. */
  load(state: TrainState): void {
    const wanted = this.#count()
    if (state.weights.length !== wanted)
      throw new RangeError(`The state has ${state.weights.length} weights; this shape has ${wanted}.`)
    drop(this.#state)
    this.#state = {}
    this.#spare = {}
    this.#step = state.step
    for (const { group, parts } of this.#groups) {
      for (const part of parts)
        this.#state[nameIn(group, part)] = {
          dtype: 'f32',
          shape: group.shape,
          data: viewGroup(group, state[part] ?? state.weights).slice(),
        }
    }
  }

  /**
   * One step on a batch, or on several whose weights together make one mean. The loss (mean over the tokens that count) and the
   * gradient's norm are those before the update. `random` draws the masks of dropout: numbers in [0, 1). Where the student learns
   * from pairs, `drift` is what the loss asks for under that name.
   */
  async train(
    batches: Batch | readonly Batch[],
    learningRate: number,
    random?: () => number,
    drift = 0,
  ): Promise<{ loss: number; norm: number }> {
    const all = isMany(batches) ? batches : [batches]
    const [only] = all
    this.#drift = drift
    if (only === undefined) throw new RangeError('A step needs a batch.')
    const { loss, answer } =
      all.length === 1
        ? await this.#stepAtOnce(only, learningRate, random)
        : await this.#stepInParts(all, learningRate, random)
    const last = this.#state
    const next: Feeds = {}
    for (const { group, parts } of this.#groups)
      for (const part of parts) next[nameIn(group, part)] = need(answer, nameOut(group, part))
    this.#state = next
    if (this.#runtime.backend === 'native') this.#spare = this.#spareOf(last)
    else drop(last)
    this.#step++
    return { loss, norm: await readNumber(answer['norm']) }
  }

  async #stepAtOnce(
    batch: Batch,
    learningRate: number,
    random: (() => number) | undefined,
  ): Promise<{ loss: number; answer: Feeds }> {
    const session = await this.#sessionFor('train', batch, (size) =>
      buildTrainStep(this.#options.shape, size, this.#graphs),
    )
    const answer = await session.run(
      {
        ...this.#frozen,
        ...this.#state,
        ...feedBatch(batch),
        ...this.#feedTeacher(batch),
        ...this.#feedPairs(batch),
        ...this.#feedPolicy(batch),
        ...this.#feedMasks(batch, random),
        ...this.#feedScalars(learningRate),
      },
      undefined,
      this.#spare,
    )
    return { loss: await readNumber(answer['loss']), answer }
  }

  async #stepInParts(
    batches: readonly Batch[],
    learningRate: number,
    random: (() => number) | undefined,
  ): Promise<{ loss: number; answer: Feeds }> {
    let sums: Feeds = Object.fromEntries(
      this.#groups.map(({ group }) => [
        sumNames(group).in,
        { dtype: 'f32', shape: group.shape, data: new Float32Array(group.count) },
      ]),
    )
    let loss = 0
    for (const batch of batches) {
      const session = await this.#sessionFor('gradients', batch, (size) =>
        buildGradientStep(this.#options.shape, size, this.#graphs),
      )
      const answer = await session.run({
        ...this.#weights(),
        ...sums,
        ...feedBatch(batch),
        ...this.#feedTeacher(batch),
        ...this.#feedPairs(batch),
        ...this.#feedPolicy(batch),
        ...this.#feedMasks(batch, random),
      })
      loss += await readNumber(answer['loss'])
      const next: Feeds = Object.fromEntries(
        this.#groups.map(({ group }) => [sumNames(group).in, need(answer, sumNames(group).out)]),
      )
      drop(sums)
      sums = next
    }
    const session = await this.#sessionFor('update', undefined, () =>
      buildUpdate(this.#options.shape, this.#graphs),
    )
    const answer = await session.run(
      { ...this.#state, ...sums, ...this.#feedScalars(learningRate) },
      undefined,
      this.#spare,
    )
    drop(sums)
    return { loss, answer }
  }

  /** Mean loss over all tokens that count in the batches (or over all pairs, each batch's weights being their mean), divided once, without dropout and smoothing. NaN where none counts. */
  async measure(batches: Iterable<Batch> | AsyncIterable<Batch>): Promise<number> {
    let sum = 0
    let counted = 0
    for await (const batch of batches) {
      if (batch.counted === 0) continue
      const session = await this.#sessionFor('loss', batch, (size) =>
        buildLossGraph(this.#options.shape, size, this.#graphs),
      )
      const answer = await session.run({
        ...this.#weights(this.#graphs.averages ? 'average' : 'weights'),
        ...feedBatch(batch),
        ...this.#feedPairs(batch),
      })
      const times = this.#graphs.prefers
        ? pairsOf(batch).weights.filter((weight) => weight > 0).length
        : batch.counted
      sum += (await readNumber(answer['loss'])) * times
      counted += times
    }
    return sum / counted
  }

  /** Log-probabilities in nats of the predictions that count, in the order of the batch, under the weights that measure and write; then padding. */
  async findLikelihoods(batch: Batch): Promise<Float32Array> {
    const session = await this.#sessionFor('likelihoods', batch, (size) =>
      buildLikelihoodGraph(this.#options.shape, size, this.#graphs),
    )
    const { ids, picked, targets } = feedBatch(batch)
    const answer = await session.run({
      ...this.#weights(this.#graphs.averages ? 'average' : 'weights'),
      ...(ids && picked && targets ? { ids, picked, targets } : {}),
    })
    return readFloats(need(answer, 'likelihoods'))
  }

  /** A copy of the whole state on the host. */
  async read(): Promise<TrainState> {
    const count = this.#count()
    const make = (): Flat => new Float32Array(count)
    const state = {
      weights: make(),
      first: make(),
      second: make(),
      ...(this.#graphs.averages ? { average: make() } : {}),
      step: this.#step,
    }
    for (const { group, parts } of this.#groups) {
      for (const part of parts)
        viewGroup(group, state[part] ?? raise(part)).set(
          await readFloats(need(this.#state, nameIn(group, part))),
        )
    }
    return state
  }

  /** A copy of the weights that measure and write, on the host: the average where one is kept. */
  async readWeights(): Promise<Flat> {
    const weights: Flat = new Float32Array(this.#count())
    for (const { group } of this.#groups)
      viewGroup(group, weights).set(
        await readFloats(need(this.#state, nameIn(group, this.#graphs.averages ? 'average' : 'weights'))),
      )
    return weights
  }

  async release(): Promise<void> {
    // Buffers on a device belong to the session that made them: they go first.
    drop(this.#state)
    this.#state = {}
    for (const session of this.#sessions.values()) await session.release()
    this.#sessions.clear()
  }

  /** The weights under their names, or the average in their place. */
  #weights(part: 'weights' | 'average' = 'weights'): Feeds {
    return {
      ...this.#frozen,
      ...Object.fromEntries(
        this.#groups.map(({ group }) => [nameIn(group, 'weights'), need(this.#state, nameIn(group, part))]),
      ),
    }
  }

  /** A state that has been stepped from, by the names of a step's outputs. */
  #spareOf(state: Feeds): Record<string, HostTensor> {
    const named = this.#groups.flatMap(({ group, parts }) =>
      parts.map((part) => [nameOut(group, part), need(state, nameIn(group, part))] as const),
    )
    return Object.fromEntries(
      named.flatMap(([name, tensor]) => ('onDevice' in tensor ? [] : [[name, tensor]])),
    )
  }

  /** Numbers that training changes. */
  #count(): number {
    return countOf(listTrained(this.#options.shape, this.#options.adapts))
  }

  #feedScalars(learningRate: number): Feeds {
    const { weightDecay, averaging = 0 } = this.#options
    const scalars = Object.entries(scalarsOf(this.#step + 1, learningRate, weightDecay)).map(
      ([name, value]) => [name, scalar(value)],
    )
    return {
      ...Object.fromEntries(scalars),
      ...(this.#graphs.averages ? { fresh: scalar(freshShare(this.#step + 1, averaging)) } : {}),
    }
  }

  #feedMasks({ rows, length }: Batch, random: (() => number) | undefined): Feeds {
    const { shape, dropout = 0 } = this.#options
    if (!this.#graphs.drops) return {}
    if (random === undefined) throw new RangeError('Dropout needs random numbers.')
    return Object.fromEntries(
      dropSites(shape).map((site) => [
        site,
        {
          dtype: 'f32',
          shape: [rows * length, shape.width],
          data: makeDropMask(random, dropout, rows * length * shape.width),
        },
      ]),
    )
  }

  #feedTeacher({ teacher }: Batch): Feeds {
    if (!this.#graphs.distils) return {}
    if (!teacher) throw new RangeError('The batch brings nothing of the teacher.')
    const { choices, ids, probabilities, hidden } = teacher
    const count = ids.length / choices
    return {
      ...(this.#usesHidden ? feedHidden(hidden, this.#options.shape) : {}),
      teacher_ids: { dtype: 'i32', shape: [count, choices], data: ids },
      teacher_probabilities: { dtype: 'f32', shape: [count, choices + 1], data: probabilities },
    }
  }

  /** The teacher's hidden states count. */
  get #usesHidden(): boolean {
    return (this.#graphs.distils?.hiddenShare ?? 0) > 0
  }

  #feedPairs(batch: Batch): Feeds {
    return this.#graphs.prefers ? feedPairs(pairsOf(batch), this.#drift) : {}
  }

  #feedPolicy(batch: Batch): Feeds {
    if (!this.#graphs.reinforces) return {}
    if (!isOfAnswers(batch)) throw new RangeError('The batch does not say how good its answers are.')
    const { advantages, before, reference } = batch.policy
    const column = (data: Float32Array): HostTensor => ({ dtype: 'f32', shape: [data.length, 1], data })
    return { advantages: column(advantages), before: column(before), reference: column(reference) }
  }

  async #sessionFor(
    kind: 'train' | 'gradients' | 'update' | 'loss' | 'likelihoods',
    batch: Batch | undefined,
    build: (size: BatchSize) => OnnxModel,
  ): Promise<Session> {
    const size: BatchSize = {
      rows: batch?.rows ?? 0,
      length: batch?.length ?? 0,
      packed: batch?.seen !== undefined,
      choices: kind !== 'loss' && this.#graphs.distils ? (batch?.teacher?.choices ?? 0) : 0,
      hidden: this.#usesHidden,
      pairs: batch !== undefined && kind !== 'likelihoods' && 'pairs' in batch ? pairsOf(batch).places : 0,
      rewarded: kind !== 'loss' && kind !== 'likelihoods' && this.#graphs.reinforces !== undefined,
    }
    const key = [kind, size.rows, size.length, size.packed, size.choices, size.pairs].join(' ')
    const open = this.#sessions.get(key)
    if (open) return open
    // On a GPU weights, moments and gradients stay there: outputs of one run are inputs of the next.
    const onDevice =
      this.#runtime.backend !== 'webgpu' || kind === 'loss' || kind === 'likelihoods'
        ? []
        : this.#groups.flatMap(({ group, parts }) =>
            kind === 'gradients' ? [sumNames(group).out] : parts.map((part) => nameOut(group, part)),
          )
    const session = await this.#runtime.open(build(size), { onDevice })
    this.#sessions.set(key, session)
    return session
  }
}

const isMany = (batches: Batch | readonly Batch[]): batches is readonly Batch[] => Array.isArray(batches)

/** What a batch brings of pairs. Throws a RangeError on one of rows that stand alone. */
function pairsOf(batch: Batch): PairBatch {
  if (!isOfPairs(batch)) throw new RangeError('The batch brings no pairs of answers.')
  return batch.pairs
}
const isOfPairs = (batch: Batch): batch is BatchOfPairs => 'pairs' in batch
const isOfAnswers = (batch: Batch): batch is BatchOfAnswers => 'policy' in batch

function feedHidden(hidden: NonNullable<Batch['teacher']>['hidden'], { width }: DecoderShape): Feeds {
  if (hidden?.width !== width)
    throw new RangeError(
      hidden
        ? `The teacher’s hidden states are ${hidden.width} wide and those of the student ${width}.`
        : 'The batch brings no hidden states of the teacher.',
    )
  return {
    teacher_hidden: { dtype: 'f32', shape: [hidden.states.length / width, width], data: hidden.states },
  }
}

function feedPairs(
  { chosen, rejected, references, weights, places }: PairBatch,
  drift: number,
): Record<'chosen' | 'rejected' | 'references' | 'pair_weights' | 'drift', HostTensor> {
  const predictions = chosen.length / places
  return {
    chosen: { dtype: 'f32', shape: [places, predictions], data: chosen },
    rejected: { dtype: 'f32', shape: [places, predictions], data: rejected },
    references: { dtype: 'f32', shape: [places, 2], data: references },
    pair_weights: { dtype: 'f32', shape: [places, 1], data: weights },
    drift: { dtype: 'f32', shape: [1, 1], data: Float32Array.of(drift) },
  }
}

function feedFrozen(shape: DecoderShape, frozen: Flat): Feeds {
  const parameters = listParameters(shape)
  if (frozen.length !== countOf(parameters))
    throw new RangeError(`The decoder has ${frozen.length} weights; this shape has ${countOf(parameters)}.`)
  const views = viewParameters(parameters, frozen)
  return Object.fromEntries(
    parameters.map(({ name, shape: size }) => [
      name,
      { dtype: 'f32', shape: size, data: views.get(name) ?? raise(name) },
    ]),
  )
}

function drop(tensors: Feeds): void {
  for (const tensor of Object.values(tensors)) dropTensor(tensor)
}

function feedBatch({ rows, length, ids, picked, targets, weights, seen }: Batch): Record<string, HostTensor> {
  const feeds: Record<string, HostTensor> = {
    ids: { dtype: 'i64', shape: [ids.length, 1], data: ids },
    picked: { dtype: 'i64', shape: [picked.length, 1], data: picked },
    targets: { dtype: 'i32', shape: [targets.length, 1], data: targets },
    weights: { dtype: 'f32', shape: [weights.length, 1], data: weights },
  }
  return seen ? { ...feeds, seen: { dtype: 'f32', shape: [rows, 1, length, length], data: seen } } : feeds
}

const need = (tensors: Readonly<Record<string, Tensor>>, name: string): Tensor => tensors[name] ?? raise(name)

async function readFloats(tensor: Tensor): Promise<Float32Array> {
  const data = 'onDevice' in tensor ? await tensor.read() : tensor.data
  if (!(data instanceof Float32Array)) throw new TypeError('The state of training is not of 32-bit floats.')
  return data
}

const readNumber = async (tensor: Tensor | undefined): Promise<number> =>
  tensor ? ((await readFloats(tensor))[0] ?? Number.NaN) : Number.NaN

function raise(name: string): never {
  throw new RangeError(`The train step gave no ${name}.`)
}
