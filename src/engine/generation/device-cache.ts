// Knows: the KV cache of rows on the GPU: it passes from run to run without leaving the device. A run computes
// all slots, so rows should join at the same time.
import { cacheNames } from '../models/cached-attention.ts'
import { buildCachedDecoder, deviceOutputs } from '../models/cached-decoder.ts'
import { windowWithin, type DecoderShape } from '../models/shape.ts'
import type { DeviceTensor, HostTensor, Runtime, Session } from '../runtime/types.ts'
import type { LoadedWeights } from '../weights/loaded.ts'
import { TOKENS_PER_RUN, type CachedModel, type Prefix, type RowStep } from './cached-model.ts'
import { checkResize, countRows, floatsOf, inStepOrder } from './slots.ts'
import { makeStepFeeds, oneInteger, type FeedRow } from './step-feeds.ts'

type Tensor = HostTensor | DeviceTensor
interface LayerCache {
  readonly keys: Tensor
  readonly values: Tensor
}

const disposeOf = (tensor: Tensor): void => {
  if ('onDevice' in tensor) tensor.dispose()
}
const disposeAll = (layers: readonly LayerCache[]): void => {
  for (const { keys, values } of layers) {
    disposeOf(keys)
    disposeOf(values)
  }
}

class DevicePrefix implements Prefix {
  readonly tokens: readonly number[]
  readonly layers: readonly LayerCache[]
  /** Positions allocated; the tokens fill the first ones. */
  readonly capacity: number
  readonly bytes: number
  constructor(tokens: readonly number[], layers: readonly LayerCache[], capacity: number) {
    this.tokens = tokens
    this.layers = layers
    this.capacity = capacity
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

/** A model on WebGPU with `slots` rows of up to `contextLength` tokens each. */
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
  readonly maxSlots: number
  readonly contextLength: number
  readonly batchesStatically = true
  #slots: number
  readonly #session: Session
  readonly #shape: DecoderShape
  readonly #embedRow: (id: number, out: Float32Array, at: number) => void
  /** Cached tokens of each open slot. */
  readonly #lengths = new Map<number, number>()
  #layers: readonly LayerCache[] = []
  /** Positions allocated for a row; padding writes to the last one, which is never read. */
  #capacity = 0

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
    this.maxSlots = countRows(shape, contextLength, slots)
    this.contextLength = contextLength
    this.vocabulary = shape.vocabulary
    this.width = shape.width
  }

  get slots(): number {
    return this.#slots
  }

  resize(slots: number): void {
    checkResize(slots, this.maxSlots, this.#lengths.size)
    this.#slots = slots
  }

  open(): number {
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#lengths.has(slot)) continue
      this.#lengths.set(slot, 0)
      return slot
    }
    throw new RangeError(`all ${this.#slots} slots are taken`)
  }

  close(slot: number): void {
    this.#lengths.delete(slot)
    if (this.#lengths.size > 0) return
    disposeAll(this.#layers)
    this.#layers = []
    this.#capacity = 0
  }

  async step(
    steps: readonly RowStep[],
    prefix: Prefix | undefined,
    _keep: boolean,
    onHidden?: (hidden: Float32Array) => void,
  ): Promise<Float32Array> {
    if (this.#layers.length === 0) {
      this.#capacity = this.contextLength + 1
      this.#layers = this.#emptyCache(this.#slots, this.#capacity)
    }
    const bySlot = new Map(steps.map((step) => [step.slot, step]))
    const rows = Array.from({ length: this.#slots }, (_, slot): FeedRow => {
      const step = bySlot.get(slot)
      return {
        tokens: step?.tokens ?? [],
        logitsAt: step?.logitsAt ?? [],
        length: this.#lengths.get(slot) ?? 0,
      }
    })
    const { layers, logits, hidden } = await this.#run(
      rows,
      this.#layers,
      this.#capacity,
      prefix,
      onHidden !== undefined,
    )
    this.#layers = layers
    for (const { slot, tokens } of steps)
      this.#lengths.set(slot, (this.#lengths.get(slot) ?? 0) + tokens.length)
    const slots = rows.map((_, slot) => (bySlot.has(slot) ? slot : undefined))
    if (hidden) onHidden?.(inStepOrder(hidden, this.width, steps, slots))
    return inStepOrder(logits, this.vocabulary, steps, slots)
  }

  async makePrefix(
    tokens: readonly number[],
    tick: (tokens: number) => Promise<void>,
  ): Promise<{ prefix: Prefix; reused: number }> {
    const capacity = tokens.length + 1
    let layers = this.#emptyCache(1, capacity)
    try {
      for (let length = 0; length < tokens.length;) {
        const chunk = tokens.slice(length, length + TOKENS_PER_RUN)
        const run = await this.#run([{ tokens: chunk, logitsAt: [0], length }], layers, capacity, undefined)
        layers = run.layers
        length += chunk.length
        await tick(chunk.length)
      }
    } catch (thrown) {
      disposeAll(layers)
      throw thrown
    }
    return { prefix: new DevicePrefix([...tokens], layers, capacity), reused: 0 }
  }

  release(): Promise<void> {
    disposeAll(this.#layers)
    this.#layers = []
    return this.#session.release()
  }

  /** Runs the rows on a cache, releases that cache and returns the new one. */
  async #run(
    rows: readonly FeedRow[],
    layers: readonly LayerCache[],
    capacity: number,
    prefix: Prefix | undefined,
    wantsHidden = false,
  ): Promise<{ layers: LayerCache[]; logits: Float32Array; hidden?: Float32Array }> {
    if (prefix !== undefined && !(prefix instanceof DevicePrefix))
      throw new TypeError('the prefix belongs to another model')
    const { width } = this.#shape
    // Without a prefix, one masked position is fed: not every GPU supports empty buffers.
    const shared = prefix?.capacity ?? 1
    const { newLength, ...feeds } = makeStepFeeds(
      rows,
      {
        width,
        shared,
        sharedReal: prefix?.tokens.length ?? 0,
        own: capacity,
        freshSegment: false,
        window: windowWithin(this.#shape, this.contextLength),
      },
      this.#embedRow,
    )
    const past: Record<string, Tensor> = {}
    const empty = this.#emptyCache(1, 1)
    layers.forEach(({ keys, values }, layer) => {
      const names = cacheNames(layer)
      const sharedPast = prefix?.layers[layer] ?? empty[layer]
      if (sharedPast !== undefined)
        Object.assign(past, { [names.sharedKeys]: sharedPast.keys, [names.sharedValues]: sharedPast.values })
      Object.assign(past, { [names.ownKeys]: keys, [names.ownValues]: values })
    })
    const outputs = await this.#session.run(
      {
        ...feeds,
        ...past,
        shared_end: oneInteger(shared),
        scatter_indices: this.#scatterIndices(rows, newLength, capacity),
      },
      ['logits', ...(wantsHidden ? ['hidden'] : []), ...deviceOutputs(layers.length)],
    )
    disposeAll(layers)
    const next = layers.map((_, layer): LayerCache => {
      const names = cacheNames(layer)
      const [keys, values] = [outputs[names.newKeys], outputs[names.newValues]]
      if (keys === undefined || values === undefined)
        throw new TypeError('the graph returned no keys and values')
      return { keys, values }
    })
    return {
      layers: next,
      logits: floatsOf(outputs, 'logits'),
      ...(wantsHidden ? { hidden: floatsOf(outputs, 'hidden') } : {}),
    }
  }

  /** Where each new token's keys are written: row, head, position; padding goes to the last position. */
  #scatterIndices(rows: readonly FeedRow[], newLength: number, capacity: number): HostTensor {
    const { kvHeads } = this.#shape
    const data = new BigInt64Array(rows.length * kvHeads * newLength * 3)
    let at = 0
    rows.forEach(({ tokens, length }, row) => {
      for (let head = 0; head < kvHeads; head++) {
        for (let i = 0; i < newLength; i++) {
          data[at++] = BigInt(row)
          data[at++] = BigInt(head)
          data[at++] = BigInt(i < tokens.length ? length + i : capacity - 1)
        }
      }
    })
    return { dtype: 'i64', shape: [rows.length * kvHeads * newLength, 3], data }
  }

  #emptyCache(rows: number, capacity: number): LayerCache[] {
    const { kvHeads, headWidth, layers } = this.#shape
    const empty = (): HostTensor => ({
      dtype: 'f32',
      shape: [rows, kvHeads, capacity, headWidth],
      data: new Float32Array(rows * kvHeads * capacity * headWidth),
    })
    return Array.from({ length: layers }, () => ({ keys: empty(), values: empty() }))
  }
}
