// Knows: a training run on a runtime: its sessions, its state between steps, on the host or on the device.
// Must not know: data order, schedules, files.
import type { DeviceTensor, HostTensor, Runtime, Session } from '../runtime/types.ts'
import type { DecoderShape } from '../models/shape.ts'
import { ADAM_W, scalarsOf, type AdamWOptions } from './adam-w.ts'
import { groupParameters, viewGroup, type Group, type Layout } from './layout.ts'
import type { Batch } from './packing.ts'
import { countOf, listParameters, type Flat } from './parameters.ts'
import { buildLossGraph, buildTrainStep, stateNames } from './train-graph.ts'

export interface TrainerOptions {
  readonly shape: DecoderShape
  readonly weightDecay: number
  /** Largest norm of the gradient; 0 does not clip. */
  readonly clip: number
  readonly adamW?: AdamWOptions
  /** Default: each parameter in a buffer of its own, which both backends take and which is no slower on wasm. */
  readonly layout?: Layout
}

/** All that training changes, in the order of the parameters. */
export interface TrainState {
  readonly weights: Flat
  readonly first: Flat
  readonly second: Flat
  /** Steps done. */
  readonly step: number
}

/** A beginning: these weights, no moments. */
export const beginState = (weights: Flat): TrainState => ({ weights, first: new Float32Array(weights.length), second: new Float32Array(weights.length), step: 0 })

type Tensor = HostTensor | DeviceTensor
const scalar = (x: number): HostTensor => ({ dtype: 'f32', shape: [], data: Float32Array.of(x) })

/** Runs train steps and held-out losses. One call at a time; graphs are built for each length when it first comes. */
export class Trainer {
  readonly #runtime: Runtime
  readonly #options: TrainerOptions
  readonly #groups: readonly Group[]
  readonly #layout: Layout
  readonly #sessions = new Map<string, Session>()
  #state: Record<string, Tensor> = {}
  #step = 0

  constructor(runtime: Runtime, options: TrainerOptions, state: TrainState) {
    this.#runtime = runtime
    this.#options = options
    this.#layout = options.layout ?? 'separate'
    this.#groups = groupParameters(listParameters(options.shape), this.#layout)
    this.load(state)
  }

  /** Steps done. */
  get step(): number {
    return this.#step
  }

  /** Takes over a state; it is copied. */
  load(state: TrainState): void {
    const wanted = countOf(listParameters(this.#options.shape))
    if (state.weights.length !== wanted) throw new RangeError(`The state has ${state.weights.length} weights; this shape has ${wanted}.`)
    this.#drop(this.#state)
    this.#state = {}
    this.#step = state.step
    for (const group of this.#groups) {
      const names = stateNames(group).in
      ;[state.weights, state.first, state.second].forEach((flat, i) => {
        this.#state[names[i] as string] = { dtype: 'f32', shape: group.shape, data: viewGroup(group, flat).slice() }
      })
    }
  }

  /** One step on a batch. The loss (mean over the tokens that count) and the gradient's norm are those before the update. */
  async train(batch: Batch, learningRate: number): Promise<{ loss: number; norm: number }> {
    const session = await this.#sessionFor('train', batch)
    const scalars = scalarsOf(this.#step + 1, learningRate, this.#options.weightDecay, this.#options.adamW ?? ADAM_W)
    const answer = await session.run({ ...this.#state, ...feedBatch(batch), rate: scalar(scalars.rate), epsilon: scalar(scalars.epsilon), keep: scalar(scalars.keep) })
    const next: Record<string, Tensor> = {}
    for (const group of this.#groups) {
      const names = stateNames(group)
      names.in.forEach((name, i) => {
        next[name] = answer[names.out[i] as string] ?? raise(name)
      })
    }
    this.#drop(this.#state)
    this.#state = next
    this.#step++
    return { loss: await readNumber(answer['loss']), norm: await readNumber(answer['norm']) }
  }

  /** Mean loss over all tokens that count in the batches, divided once. NaN where none counts. */
  async measure(batches: Iterable<Batch> | AsyncIterable<Batch>): Promise<number> {
    let sum = 0
    let counted = 0
    for await (const batch of batches) {
      if (batch.counted === 0) continue
      const session = await this.#sessionFor('loss', batch)
      const weights = Object.fromEntries(this.#groups.map(({ name }) => [name, this.#state[name] ?? raise(name)]))
      const answer = await session.run({ ...weights, ...feedBatch(batch) })
      sum += (await readNumber(answer['loss'])) * batch.counted
      counted += batch.counted
    }
    return sum / counted
  }

  /** A copy of the whole state on the host. */
  async read(): Promise<TrainState> {
    const count = countOf(listParameters(this.#options.shape))
    const flats = [new Float32Array(count), new Float32Array(count), new Float32Array(count)] as const
    for (const group of this.#groups) {
      for (const [i, name] of stateNames(group).in.entries()) viewGroup(group, flats[i] as Flat).set(await readFloats(this.#state[name] ?? raise(name)))
    }
    return { weights: flats[0], first: flats[1], second: flats[2], step: this.#step }
  }

  async release(): Promise<void> {
    // Buffers on a device belong to the session that made them: they go first.
    this.#drop(this.#state)
    this.#state = {}
    for (const session of this.#sessions.values()) await session.release()
    this.#sessions.clear()
  }

  async #sessionFor(kind: 'train' | 'loss', { rows, length }: Batch): Promise<Session> {
    const key = `${kind} ${rows} ${length}`
    const open = this.#sessions.get(key)
    if (open) return open
    const { shape, clip, adamW = ADAM_W } = this.#options
    const size = { rows, length }
    const model = kind === 'train' ? buildTrainStep(shape, size, { layout: this.#layout, clip, adamW }) : buildLossGraph(shape, size, this.#layout)
    // On a GPU weights and moments stay there: outputs of one step are inputs of the next.
    const onDevice = kind === 'train' && this.#runtime.backend === 'webgpu' ? this.#groups.flatMap((group) => [...stateNames(group).out]) : []
    const session = await this.#runtime.open(model, { onDevice })
    this.#sessions.set(key, session)
    return session
  }

  #drop(state: Record<string, Tensor>): void {
    for (const tensor of Object.values(state)) if ('onDevice' in tensor) tensor.dispose()
  }
}

const feedBatch = ({ ids, picked, targets, weights }: Batch): Record<string, HostTensor> => ({
  ids: { dtype: 'i64', shape: [ids.length, 1], data: ids },
  picked: { dtype: 'i64', shape: [picked.length, 1], data: picked },
  targets: { dtype: 'i32', shape: [targets.length, 1], data: targets },
  weights: { dtype: 'f32', shape: [weights.length, 1], data: weights },
})

async function readFloats(tensor: Tensor): Promise<Float32Array> {
  const data = 'onDevice' in tensor ? await tensor.read() : tensor.data
  if (!(data instanceof Float32Array)) throw new TypeError('The state of training is not of 32-bit floats.')
  return data
}

const readNumber = async (tensor: Tensor | undefined): Promise<number> => (tensor ? ((await readFloats(tensor))[0] ?? Number.NaN) : Number.NaN)

function raise(name: string): never {
  throw new RangeError(`The train step gave no ${name}.`)
}
