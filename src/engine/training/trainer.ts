// Knows: a training run on a runtime: its sessions, its state between steps, on the host or on the device.
// Must not know: data order, schedules, files.
// Long because one class owns the state buffers and every session that reads or writes them.
import type { OnnxModel } from '../graph/graph.ts'
import type { DecoderShape } from '../models/shape.ts'
import { dropTensor } from '../runtime/tensors.ts'
import type { DeviceTensor, HostTensor, Runtime, Session } from '../runtime/types.ts'
import { listTrainable, type AdapterOptions } from './adapters.ts'
import { averagingRate } from './weight-averaging.ts'
import { dropoutSites, makeDropoutMask } from './dropout.ts'
import { viewGroup, type Layout } from './layout.ts'
import { scalarsOf, type OptimizerName } from './optimizers/index.ts'
import type { Batch } from './packing.ts'
import type { Objective, StepNumbers } from './objectives/objective.ts'
import { makeTexts } from './objectives/texts.ts'
import { countOf, listParameters, viewParameters, type Flat } from './parameters.ts'
import { nameIn, nameOut, ruleGroups, type RuledGroup, type UpdateOptions } from './step-state.ts'
import {
  buildGradientStep,
  buildLogProbGraph,
  buildLossGraph,
  buildTrainStep,
  buildUpdate,
  sumNames,
  type BatchSize,
  type LossOptions,
} from './train-graph.ts'

export interface TrainerOptions {
  readonly shape: DecoderShape
  readonly weightDecay: number
  /** 0: no clipping. */
  readonly maxGradientNorm: number
  /** Default `adam-w`. */
  readonly optimizer?: OptimizerName
  /** What it minimises; default: cross-entropy on the texts. */
  readonly objective?: Objective
  /** Dropout probability of what each layer adds, 0 to 0.9; default 0. */
  readonly dropout?: number
  /** Decay of the running average of the weights (EMA), 0 to 1; default 0: no average. */
  readonly emaDecay?: number
  /** Train adapters on a frozen decoder; the state is then the state of the adapters. */
  readonly adapts?: FrozenDecoder
  /** Default `separate`, which both backends support and which is not slower on wasm. */
  readonly layout?: Layout
}

/** Adapters and the parameters of their decoder in one array, which must not change meanwhile. */
export interface FrozenDecoder extends AdapterOptions {
  readonly frozen: Flat
}

/** All that training changes, in the order of the parameters. */
export interface TrainState {
  readonly weights: Flat
  /** First moments. */
  readonly m: Flat
  /** Second moments. */
  readonly v: Flat
  /** The running average of the weights, if there is one: it is used for evaluation, generation and export. */
  readonly average?: Flat
  /** Steps done. */
  readonly step: number
}

/** The state before the first step: these weights, moments of zero. */
export const initialState = (weights: Flat): TrainState => ({
  weights,
  m: new Float32Array(weights.length),
  v: new Float32Array(weights.length),
  step: 0,
})

type Tensor = HostTensor | DeviceTensor
type Feeds = Record<string, Tensor>
const scalar = (x: number): HostTensor => ({ dtype: 'f32', shape: [], data: Float32Array.of(x) })

/** Runs train steps and held-out losses. One call at a time; the graphs of a length are built at its first use. */
export class Trainer {
  readonly #runtime: Runtime
  readonly #options: TrainerOptions
  readonly #graphs: UpdateOptions & LossOptions
  readonly #groups: readonly RuledGroup[]
  readonly #sessions = new Map<string, Session>()
  readonly #frozen: Feeds
  #state: Feeds = {}
  /**
   * The state before the last step, by the names of a step's outputs: buffers for the next step if the runtime can
   * write into them.
   */
  #spare: Record<string, HostTensor> = {}
  #step = 0
  /** Those of the last step; held-out rows are measured with them too. */
  #numbers: StepNumbers = { drift: 0 }

  constructor(runtime: Runtime, options: TrainerOptions, state: TrainState) {
    const {
      shape,
      maxGradientNorm,
      layout = 'separate',
      optimizer = 'adam-w',
      emaDecay = 0,
      objective = makeTexts({}),
      dropout = 0,
      adapts,
    } = options
    this.#runtime = runtime
    this.#options = options
    this.#graphs = {
      layout,
      maxGradientNorm,
      optimizer,
      keepsAverage: emaDecay > 0,
      objective,
      drops: dropout > 0,
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

  /** Copies a state. An average that is missing in it starts at the weights. */
  load(state: TrainState): void {
    const expected = this.#count()
    if (state.weights.length !== expected)
      throw new RangeError(`The state has ${state.weights.length} weights; this shape has ${expected}.`)
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
   * One step on a batch, or on several with gradient accumulation, whose weights together make one mean. Returns the
   * loss (mean over the tokens that count) and the gradient's norm before the update. `random` draws the dropout masks:
   * numbers in [0, 1). `drift`: see `StepNumbers`.
   */
  async train(
    batches: Batch | readonly Batch[],
    learningRate: number,
    random?: () => number,
    drift = 0,
  ): Promise<{ loss: number; norm: number }> {
    const all = isMany(batches) ? batches : [batches]
    const [first] = all
    this.#numbers = { drift }
    if (first === undefined) throw new RangeError('A step needs a batch.')
    const { loss, outputs } =
      all.length === 1
        ? await this.#fullStep(first, learningRate, random)
        : await this.#accumulatedStep(all, learningRate, random)
    const previous = this.#state
    const next: Feeds = {}
    for (const { group, parts } of this.#groups)
      for (const part of parts) next[nameIn(group, part)] = need(outputs, nameOut(group, part))
    this.#state = next
    if (this.#runtime.backend === 'native') this.#spare = this.#spareOf(previous)
    else drop(previous)
    this.#step++
    return { loss, norm: await readNumber(outputs['norm']) }
  }

  async #fullStep(
    batch: Batch,
    learningRate: number,
    random: (() => number) | undefined,
  ): Promise<{ loss: number; outputs: Feeds }> {
    const session = await this.#sessionFor('train', batch, (size) =>
      buildTrainStep(this.#options.shape, size, this.#graphs),
    )
    const outputs = await session.run(
      {
        ...this.#frozen,
        ...this.#state,
        ...feedBatch(batch),
        ...this.#feedObjective(batch),
        ...this.#feedMasks(batch, random),
        ...this.#feedScalars(learningRate),
      },
      undefined,
      this.#spare,
    )
    return { loss: await readNumber(outputs['loss']), outputs }
  }

  async #accumulatedStep(
    batches: readonly Batch[],
    learningRate: number,
    random: (() => number) | undefined,
  ): Promise<{ loss: number; outputs: Feeds }> {
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
      const outputs = await session.run({
        ...this.#weights(),
        ...sums,
        ...feedBatch(batch),
        ...this.#feedObjective(batch),
        ...this.#feedMasks(batch, random),
      })
      loss += await readNumber(outputs['loss'])
      const next: Feeds = Object.fromEntries(
        this.#groups.map(({ group }) => [sumNames(group).in, need(outputs, sumNames(group).out)]),
      )
      drop(sums)
      sums = next
    }
    const session = await this.#sessionFor('update', undefined, () =>
      buildUpdate(this.#options.shape, this.#graphs),
    )
    const outputs = await session.run(
      { ...this.#state, ...sums, ...this.#feedScalars(learningRate) },
      undefined,
      this.#spare,
    )
    drop(sums)
    return { loss, outputs }
  }

  /**
   * Mean loss over all that the objective counts in the batches (predictions, or pairs if each batch's weights are their
   * mean), divided once, without dropout and smoothing. NaN if none counts.
   */
  async measure(batches: Iterable<Batch> | AsyncIterable<Batch>): Promise<number> {
    const evaluation = this.#evaluation
    let sum = 0
    let counted = 0
    for await (const batch of batches) {
      if (batch.counted === 0) continue
      const session = await this.#sessionFor('loss', batch, (size) =>
        buildLossGraph(this.#options.shape, size, this.#graphs),
      )
      const outputs = await session.run({
        ...this.#weights(this.#graphs.keepsAverage ? 'average' : 'weights'),
        ...feedBatch(batch),
        ...evaluation.feed(batch, this.#options.shape, this.#numbers),
      })
      const times = evaluation.countOf(batch)
      sum += (await readNumber(outputs['loss'])) * times
      counted += times
    }
    return sum / counted
  }

  /**
   * Log-probabilities in nats of the predictions that count, in the order of the batch, under the average if there is
   * one, else the weights; then padding.
   */
  async logProbs(batch: Batch): Promise<Float32Array> {
    const session = await this.#sessionFor('log-probs', batch, (size) =>
      buildLogProbGraph(this.#options.shape, size, this.#graphs),
    )
    const { ids, picked, targets } = feedBatch(batch)
    const outputs = await session.run({
      ...this.#weights(this.#graphs.keepsAverage ? 'average' : 'weights'),
      ...(ids && picked && targets ? { ids, picked, targets } : {}),
    })
    return readFloats(need(outputs, 'log_probs'))
  }

  /** A copy of the whole state on the host. */
  async read(): Promise<TrainState> {
    const count = this.#count()
    const make = (): Flat => new Float32Array(count)
    const state = {
      weights: make(),
      m: make(),
      v: make(),
      ...(this.#graphs.keepsAverage ? { average: make() } : {}),
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

  /** A copy on the host of the weights for evaluation and generation: the average if there is one. */
  async readWeights(): Promise<Flat> {
    const weights: Flat = new Float32Array(this.#count())
    for (const { group } of this.#groups)
      viewGroup(group, weights).set(
        await readFloats(need(this.#state, nameIn(group, this.#graphs.keepsAverage ? 'average' : 'weights'))),
      )
    return weights
  }

  async release(): Promise<void> {
    // Buffers on a device belong to the session that created them: free them first.
    drop(this.#state)
    this.#state = {}
    for (const session of this.#sessions.values()) await session.release()
    this.#sessions.clear()
  }

  /** The weights under their names, or the average in place of them. */
  #weights(part: 'weights' | 'average' = 'weights'): Feeds {
    return {
      ...this.#frozen,
      ...Object.fromEntries(
        this.#groups.map(({ group }) => [nameIn(group, 'weights'), need(this.#state, nameIn(group, part))]),
      ),
    }
  }

  /** A previous state, by the names of a step's outputs. */
  #spareOf(state: Feeds): Record<string, HostTensor> {
    const named = this.#groups.flatMap(({ group, parts }) =>
      parts.map((part) => [nameOut(group, part), need(state, nameIn(group, part))] as const),
    )
    return Object.fromEntries(
      named.flatMap(([name, tensor]) => ('onDevice' in tensor ? [] : [[name, tensor]])),
    )
  }

  /** Count of the trained numbers. */
  #count(): number {
    return countOf(listTrainable(this.#options.shape, this.#options.adapts))
  }

  #feedScalars(learningRate: number): Feeds {
    const { weightDecay, emaDecay = 0 } = this.#options
    const scalars = Object.entries(scalarsOf(this.#step + 1, learningRate, weightDecay)).map(
      ([name, value]) => [name, scalar(value)],
    )
    return {
      ...Object.fromEntries(scalars),
      ...(this.#graphs.keepsAverage
        ? { averagingRate: scalar(averagingRate(this.#step + 1, emaDecay)) }
        : {}),
    }
  }

  #feedMasks({ rows, length }: Batch, random: (() => number) | undefined): Feeds {
    const { shape, dropout = 0 } = this.#options
    if (!this.#graphs.drops) return {}
    if (random === undefined) throw new RangeError('Dropout needs random numbers.')
    return Object.fromEntries(
      dropoutSites(shape).map((site) => [
        site,
        {
          dtype: 'f32',
          shape: [rows * length, shape.width],
          data: makeDropoutMask(random, dropout, rows * length * shape.width),
        },
      ]),
    )
  }

  /** The objective by which held-out rows are measured. */
  get #evaluation(): Objective {
    const { objective } = this.#graphs
    return objective.evaluation ?? objective
  }

  #feedObjective(batch: Batch): Feeds {
    return this.#graphs.objective.feed(batch, this.#options.shape, this.#numbers)
  }

  async #sessionFor(
    kind: 'train' | 'gradients' | 'update' | 'loss' | 'log-probs',
    batch: Batch | undefined,
    build: (size: BatchSize) => OnnxModel,
  ): Promise<Session> {
    const objective =
      kind === 'loss' ? this.#evaluation : kind === 'log-probs' ? undefined : this.#graphs.objective
    const size: BatchSize = {
      rows: batch?.rows ?? 0,
      length: batch?.length ?? 0,
      packed: batch?.attentionMask !== undefined,
      own: batch && objective ? objective.sizesOf(batch) : {},
    }
    const key = [kind, size.rows, size.length, size.packed, JSON.stringify(size.own)].join(' ')
    const open = this.#sessions.get(key)
    if (open) return open
    // On a GPU, weights, moments and gradients stay there: outputs of one run are inputs of the next.
    const onDevice =
      this.#runtime.backend !== 'webgpu' || kind === 'loss' || kind === 'log-probs'
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

function feedBatch({
  rows,
  length,
  ids,
  picked,
  targets,
  weights,
  attentionMask,
}: Batch): Record<string, HostTensor> {
  const feeds: Record<string, HostTensor> = {
    ids: { dtype: 'i64', shape: [ids.length, 1], data: ids },
    picked: { dtype: 'i64', shape: [picked.length, 1], data: picked },
    targets: { dtype: 'i32', shape: [targets.length, 1], data: targets },
    weights: { dtype: 'f32', shape: [weights.length, 1], data: weights },
  }
  return attentionMask
    ? { ...feeds, attention_mask: { dtype: 'f32', shape: [rows, 1, length, length], data: attentionMask } }
    : feeds
}

const need = (tensors: Readonly<Record<string, Tensor>>, name: string): Tensor => tensors[name] ?? raise(name)

async function readFloats(tensor: Tensor): Promise<Float32Array> {
  const data = 'onDevice' in tensor ? await tensor.read() : tensor.data
  if (!(data instanceof Float32Array)) throw new TypeError('The training state is not 32-bit floats.')
  return data
}

const readNumber = async (tensor: Tensor | undefined): Promise<number> =>
  tensor ? ((await readFloats(tensor))[0] ?? Number.NaN) : Number.NaN

function raise(name: string): never {
  throw new RangeError(`The train step has no ${name}.`)
}
