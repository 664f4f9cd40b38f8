// Knows: the memory of rows on the GPU: it goes from run to run without leaving the device. A run takes all slots, so rows
// should join together.
import { cacheNames } from '../models/cached-attention.ts'
import { buildCachedDecoder, deviceOutputs } from '../models/cached-decoder.ts'
import { windowWithin, type DecoderShape } from '../models/shape.ts'
import type { DeviceTensor, HostTensor, Runtime, Session } from '../runtime/types.ts'
import type { LoadedWeights } from '../weights/loaded.ts'
import { TOKENS_PER_RUN, type CachedModel, type Prefix, type RowStep } from './cached-model.ts'
import { checkResize, countRows, floatsOf, inOrder } from './slots.ts'
import { makeStepFeeds, oneInteger, type FeedRow } from './step-feeds.ts'

type Tensor = HostTensor | DeviceTensor
interface LayerMemory {
  readonly keys: Tensor
  readonly values: Tensor
}

const disposeOf = (tensor: Tensor): void => {
  if ('onDevice' in tensor) tensor.dispose()
}
const disposeAll = (layers: readonly LayerMemory[]): void => {
  for (const { keys, values } of layers) {
    disposeOf(keys)
    disposeOf(values)
  }
}

class DevicePrefix implements Prefix {
  readonly tokens: readonly number[]
  readonly layers: readonly LayerMemory[]
  /** Places of the memory, of which the tokens fill the first. */
  readonly places: number
  readonly bytes: number
  constructor(tokens: readonly number[], layers: readonly LayerMemory[], places: number) {
    this.tokens = tokens
    this.layers = layers
    this.places = places
    this.bytes = layers.reduce(
      (sum, { keys, values }) =>
        sum + 4 * (keys.shape.reduce((a, b) => a * b, 1) + values.shape.reduce((a, b) => a * b, 1)),
      0,
    )
  }
  dispose(): void {
    disposeAll(this.layers)
  }
}

/** A model on WebGPU with `slots` rows of `contextLength` places each. */
export async function makeDeviceModel(
  runtime: Runtime,
  weights: LoadedWeights,
  slots: number,
  contextLength: number,
): Promise<CachedModel> {
  const session = await runtime.open(buildCachedDecoder(weights, 'device', contextLength), {
    onDevice: deviceOutputs(weights.shape.layers),
  })
  return new DeviceModel(session, weights.shape, weights.embedRow, slots, contextLength)
}

class DeviceModel implements CachedModel {
  readonly vocabulary: number
  readonly width: number
  readonly mostSlots: number
  readonly contextLength: number
  readonly joinsTogether = true
  #slots: number
  readonly #session: Session
  readonly #shape: DecoderShape
  readonly #embedRow: (id: number, out: Float32Array, at: number) => void
  /** Tokens held by each open slot. */
  readonly #held = new Map<number, number>()
  #layers: readonly LayerMemory[] = []
  /** Places of a row, the last of which takes what padding writes and is never read. */
  #places = 0

  constructor(
    session: Session,
    shape: DecoderShape,
    embedRow: (id: number, out: Float32Array, at: number) => void,
    slots: number,
    contextLength: number,
  ) {
    this.#session = session
    this.#shape = shape
    this.#embedRow = embedRow
    this.#slots = slots
    this.mostSlots = countRows(shape, contextLength, slots)
    this.contextLength = contextLength
    this.vocabulary = shape.vocabulary
    this.width = shape.width
  }

  get slots(): number {
    return this.#slots
  }

  resize(slots: number): void {
    checkResize(slots, this.mostSlots, this.#held.size)
    this.#slots = slots
  }

  open(): number {
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#held.has(slot)) continue
      this.#held.set(slot, 0)
      return slot
    }
    throw new RangeError(`all ${this.#slots} slots are taken`)
  }

  close(slot: number): void {
    this.#held.delete(slot)
    if (this.#held.size > 0) return
    disposeAll(this.#layers)
    this.#layers = []
    this.#places = 0
  }

  async step(
    steps: readonly RowStep[],
    prefix: Prefix | undefined,
    _keep: boolean,
    onHidden?: (hidden: Float32Array) => void,
  ): Promise<Float32Array> {
    if (this.#layers.length === 0) {
      this.#places = this.contextLength + 1
      this.#layers = this.#emptyMemory(this.#slots, this.#places)
    }
    const bySlot = new Map(steps.map((step) => [step.slot, step]))
    const rows = Array.from({ length: this.#slots }, (_, slot): FeedRow => {
      const step = bySlot.get(slot)
      return { tokens: step?.tokens ?? [], logitsAt: step?.logitsAt ?? [], held: this.#held.get(slot) ?? 0 }
    })
    const { layers, logits, hidden } = await this.#run(
      rows,
      this.#layers,
      this.#places,
      prefix,
      onHidden !== undefined,
    )
    this.#layers = layers
    for (const { slot, tokens } of steps) this.#held.set(slot, (this.#held.get(slot) ?? 0) + tokens.length)
    const slots = rows.map((_, slot) => (bySlot.has(slot) ? slot : undefined))
    if (hidden) onHidden?.(inOrder(hidden, this.width, steps, slots))
    return inOrder(logits, this.vocabulary, steps, slots)
  }

  async makePrefix(
    tokens: readonly number[],
    tick: (tokens: number) => Promise<void>,
  ): Promise<{ prefix: Prefix; reused: number }> {
    const places = tokens.length + 1
    let layers = this.#emptyMemory(1, places)
    try {
      for (let held = 0; held < tokens.length;) {
        const piece = tokens.slice(held, held + TOKENS_PER_RUN)
        const run = await this.#run([{ tokens: piece, logitsAt: [0], held }], layers, places, undefined)
        layers = run.layers
        held += piece.length
        await tick(piece.length)
      }
    } catch (thrown) {
      disposeAll(layers)
      throw thrown
    }
    return { prefix: new DevicePrefix([...tokens], layers, places), reused: 0 }
  }

  release(): Promise<void> {
    disposeAll(this.#layers)
    this.#layers = []
    return this.#session.release()
  }

  /** Runs the rows on a memory and gives the memory that takes its place; the old one is let go. */
  async #run(
    rows: readonly FeedRow[],
    layers: readonly LayerMemory[],
    places: number,
    prefix: Prefix | undefined,
    wantsHidden = false,
  ): Promise<{ layers: LayerMemory[]; logits: Float32Array; hidden?: Float32Array }> {
    if (prefix !== undefined && !(prefix instanceof DevicePrefix))
      throw new TypeError('a prefix of another model')
    const { width } = this.#shape
    // Without a prefix one masked place stands in: empty buffers are not for every GPU.
    const shared = prefix?.places ?? 1
    const { length, ...feeds } = makeStepFeeds(
      rows,
      {
        width,
        shared,
        sharedReal: prefix?.tokens.length ?? 0,
        own: places,
        freshSegment: false,
        window: windowWithin(this.#shape, this.contextLength),
      },
      this.#embedRow,
    )
    const past: Record<string, Tensor> = {}
    const nothing = this.#emptyMemory(1, 1)
    layers.forEach(({ keys, values }, layer) => {
      const names = cacheNames(layer)
      const beginning = prefix?.layers[layer] ?? nothing[layer]
      if (beginning !== undefined)
        Object.assign(past, { [names.sharedKeys]: beginning.keys, [names.sharedValues]: beginning.values })
      Object.assign(past, { [names.ownKeys]: keys, [names.ownValues]: values })
    })
    const outputs = await this.#session.run(
      { ...feeds, ...past, shared_end: oneInteger(shared), places: this.#placesOf(rows, length, places) },
      ['logits', ...(wantsHidden ? ['hidden'] : []), ...deviceOutputs(layers.length)],
    )
    disposeAll(layers)
    const next = layers.map((_, layer): LayerMemory => {
      const names = cacheNames(layer)
      const [keys, values] = [outputs[names.newKeys], outputs[names.newValues]]
      if (keys === undefined || values === undefined) throw new TypeError('the graph gave no past')
      return { keys, values }
    })
    return {
      layers: next,
      logits: floatsOf(outputs, 'logits'),
      ...(wantsHidden ? { hidden: floatsOf(outputs, 'hidden') } : {}),
    }
  }

  /** Where each new token's keys go: row, head, place; padding goes to the last place. */
  #placesOf(rows: readonly FeedRow[], length: number, places: number): HostTensor {
    const { kvHeads } = this.#shape
    const data = new BigInt64Array(rows.length * kvHeads * length * 3)
    let at = 0
    rows.forEach(({ tokens, held }, row) => {
      for (let head = 0; head < kvHeads; head++) {
        for (let i = 0; i < length; i++) {
          data[at++] = BigInt(row)
          data[at++] = BigInt(head)
          data[at++] = BigInt(i < tokens.length ? held + i : places - 1)
        }
      }
    })
    return { dtype: 'i64', shape: [rows.length * kvHeads * length, 3], data }
  }

  #emptyMemory(rows: number, places: number): LayerMemory[] {
    const { kvHeads, headWidth, layers } = this.#shape
    const empty = (): HostTensor => ({
      dtype: 'f32',
      shape: [rows, kvHeads, places, headWidth],
      data: new Float32Array(rows * kvHeads * places * headWidth),
    })
    return Array.from({ length: layers }, () => ({ keys: empty(), values: empty() }))
  }
}
