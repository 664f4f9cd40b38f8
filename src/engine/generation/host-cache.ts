// Knows: the KV cache of rows in memory that JavaScript can write, for wasm: every row appends at its own
// length, so rows of any length share a batch without gaps; open rows are contiguous from row 0, so a run takes
// a view of them.
import { cacheNames } from '../models/cached-attention.ts'
import { buildCachedDecoder, deviceOutputs } from '../models/cached-decoder.ts'
import { windowWithin, type DecoderShape } from '../models/shape.ts'
import { reserveInJs } from '../runtime/heap-floats.ts'
import { onHost, type HostTensor, type Outputs, type Runtime, type Session } from '../runtime/types.ts'
import type { LoadedWeights } from '../weights/loaded.ts'
import { TOKENS_PER_RUN, type CachedModel, type Prefix, type RowStep } from './cached-model.ts'
import { freeLayers, HostKvCache, type LayerCache, type Reserve } from './host-kv-cache.ts'
import { checkResize, countRows, floatsOf, inStepOrder } from './slots.ts'
import { makeStepFeeds, oneInteger, type FeedRow } from './step-feeds.ts'

class HostPrefix implements Prefix {
  readonly tokens: readonly number[]
  readonly bytes: number
  readonly layers: readonly LayerCache[]
  constructor(tokens: readonly number[], layers: readonly LayerCache[]) {
    this.tokens = tokens
    this.layers = layers
    this.bytes = layers.reduce(
      (sum, { keys, values }) => sum + keys.data.byteLength + values.data.byteLength,
      0,
    )
  }
  dispose(): void {
    freeLayers(this.layers)
  }
}

/**
 * A model on wasm with `slots` rows. Afterwards the weights' JavaScript copies can be freed, except for the
 * embedding.
 */
export async function makeHostModel(
  runtime: Runtime,
  weights: LoadedWeights,
  slots: number,
  contextLength: number,
): Promise<CachedModel> {
  const session = await runtime.open(buildCachedDecoder(weights, 'host', contextLength))
  // Holds the embedding only: the session has the matrices now.
  const { shape } = weights
  const embedRow = weights.embedRow
  return new HostModel(
    session,
    shape,
    embedRow,
    (count) => runtime.reserve?.(count) ?? reserveInJs(count),
    slots,
    contextLength,
  )
}

class HostModel implements CachedModel {
  readonly vocabulary: number
  readonly width: number
  readonly maxSlots: number
  readonly contextLength: number
  readonly batchesStatically = false
  #slots: number
  readonly #session: Session
  readonly #shape: DecoderShape
  readonly #embedRow: (id: number, out: Float32Array, at: number) => void
  readonly #cache: HostKvCache
  readonly #reserve: Reserve
  /** Cache row of each slot, and the slot and length of each row. */
  readonly #rowOf = new Map<number, number>()
  readonly #rows: { slot: number; length: number }[] = []

  constructor(
    session: Session,
    shape: DecoderShape,
    embedRow: (id: number, out: Float32Array, at: number) => void,
    reserve: Reserve,
    slots: number,
    contextLength: number,
  ) {
    this.#session = session
    this.#shape = shape
    this.#embedRow = embedRow
    this.#slots = slots
    this.contextLength = contextLength
    this.maxSlots = countRows(shape, contextLength, slots)
    this.vocabulary = shape.vocabulary
    this.width = shape.width
    this.#reserve = reserve
    this.#cache = new HostKvCache(shape, reserve)
  }

  get slots(): number {
    return this.#slots
  }

  resize(slots: number): void {
    checkResize(slots, this.maxSlots, this.#rows.length)
    this.#slots = slots
  }

  open(): number {
    if (this.#rows.length >= this.slots) throw new RangeError(`all ${this.slots} slots are taken`)
    let slot = 0
    while (this.#rowOf.has(slot)) slot++
    this.#rowOf.set(slot, this.#rows.length)
    this.#rows.push({ slot, length: 0 })
    return slot
  }

  close(slot: number): void {
    const row = this.#find(slot)
    const last = this.#rows.length - 1
    const moved = this.#rows[last]
    if (row !== last && moved !== undefined) {
      // The last row moves to the freed row, so that open rows stay contiguous.
      this.#cache.copyRow(last, row, moved.length)
      this.#rows[row] = moved
      this.#rowOf.set(moved.slot, row)
    }
    this.#rows.pop()
    this.#rowOf.delete(slot)
    if (this.#rows.length === 0) this.#cache.clear()
    else this.#cache.shrink(this.#longest())
  }

  copy(from: number, to: number): void {
    const [source, target] = [this.#rows[this.#find(from)], this.#rows[this.#find(to)]]
    if (source === undefined || target === undefined) return
    this.#cache.grow(this.#rows.length, source.length, this.#longest())
    this.#cache.copyRow(this.#find(from), this.#find(to), source.length)
    target.length = source.length
  }

  loadPrefix(slot: number, prefix: Prefix, from: number): void {
    if (!(prefix instanceof HostPrefix)) throw new TypeError('the prefix belongs to another model')
    const at = this.#find(slot)
    const row = this.#rows[at]
    if (row === undefined || row.length > 0) throw new RangeError(`slot ${slot} has tokens already`)
    const count = prefix.tokens.length - from
    this.#cache.grow(this.#rows.length, count, this.#longest())
    prefix.layers.forEach(({ keys, values }, layer) =>
      this.#cache.write(layer, at, 0, count, {
        keys: keys.data,
        values: values.data,
        row: 0,
        length: prefix.tokens.length,
        from,
      }),
    )
    row.length = count
  }

  async step(
    steps: readonly RowStep[],
    prefix: Prefix | undefined,
    keep: boolean,
    onHidden?: (hidden: Float32Array) => void,
  ): Promise<Float32Array> {
    const byRow = new Map(steps.map((step) => [this.#find(step.slot), step]))
    const first = Math.min(...byRow.keys())
    const count = Math.max(...byRow.keys()) - first + 1
    const rows = Array.from({ length: count }, (_, i) => {
      const step = byRow.get(first + i)
      return {
        tokens: step?.tokens ?? [],
        logitsAt: step?.logitsAt ?? [],
        length: this.#rows[first + i]?.length ?? 0,
      }
    })
    const own =
      Math.max(...this.#rows.slice(first, first + count).map(({ length }) => length)) === 0
        ? 0
        : this.#cache.capacity
    // A row that joined later has no memory yet in a cache that other rows use.
    if (own > 0) this.#cache.grow(this.#rows.length, own, this.#longest())
    return this.#run(
      rows,
      this.#cache.layers,
      { first, own },
      prefix,
      { keep, hidden: onHidden !== undefined },
      (outputs, newLength) => {
        if (keep) {
          const longest = Math.max(...rows.map(({ tokens, length }) => length + tokens.length))
          this.#cache.grow(this.#rows.length, longest, this.#longest())
          this.#write(outputs, rows, this.#cache, first, newLength)
        }
        for (const [i, { tokens }] of rows.entries()) {
          const row = this.#rows[first + i]
          if (row !== undefined && keep) row.length += tokens.length
        }
        const slots = rows.map((_, i) => byRow.get(first + i)?.slot)
        onHidden?.(inStepOrder(floatsOf(outputs, 'hidden'), this.width, steps, slots))
        return inStepOrder(floatsOf(outputs, 'logits'), this.vocabulary, steps, slots)
      },
    )
  }

  async makePrefix(
    tokens: readonly number[],
    tick: (tokens: number) => Promise<void>,
    base?: { readonly prefix: Prefix; readonly tokens: number },
  ): Promise<{ prefix: Prefix; reused: number }> {
    const cache = new HostKvCache(this.#shape, this.#reserve)
    const reused = base?.tokens ?? 0
    try {
      if (base !== undefined) {
        if (!(base.prefix instanceof HostPrefix)) throw new TypeError('the prefix belongs to another model')
        const length = base.prefix.tokens.length
        cache.grow(1, reused, 0)
        base.prefix.layers.forEach(({ keys, values }, layer) =>
          cache.write(layer, 0, 0, reused, { keys: keys.data, values: values.data, row: 0, length }),
        )
      }
      for (let length = reused; length < tokens.length;) {
        const chunk = tokens.slice(length, length + TOKENS_PER_RUN)
        const rows = [{ tokens: chunk, logitsAt: [0], length }]
        await this.#run(
          rows,
          cache.layers,
          { first: 0, own: length === 0 ? 0 : cache.capacity },
          undefined,
          { keep: true, hidden: false },
          (outputs, newLength) => {
            cache.grow(1, length + chunk.length, length)
            this.#write(outputs, rows, cache, 0, newLength)
          },
        )
        length += chunk.length
        await tick(chunk.length)
      }
      return { prefix: new HostPrefix([...tokens], cache.copyFirstRow(tokens.length)), reused }
    } finally {
      cache.clear()
    }
  }

  release(): Promise<void> {
    this.#cache.clear()
    return this.#session.release()
  }

  async #run<T>(
    rows: readonly FeedRow[],
    layers: readonly LayerCache[],
    { first, own }: { first: number; own: number },
    prefix: Prefix | undefined,
    { keep, hidden }: { keep: boolean; hidden: boolean },
    use: (outputs: Outputs, newLength: number) => T,
  ): Promise<T> {
    if (prefix !== undefined && !(prefix instanceof HostPrefix))
      throw new TypeError('the prefix belongs to another model')
    const { kvHeads, headWidth, width } = this.#shape
    const shared = prefix?.tokens.length ?? 0
    const { newLength, ...feeds } = makeStepFeeds(
      rows,
      {
        width,
        shared,
        sharedReal: shared,
        own,
        freshSegment: true,
        window: windowWithin(this.#shape, this.contextLength),
      },
      this.#embedRow,
    )
    const past: Record<string, HostTensor> = {}
    const batch = rows.length
    const rowSize = kvHeads * headWidth * own
    for (let layer = 0; layer < this.#shape.layers; layer++) {
      const names = cacheNames(layer)
      const [sharedPast, ownPast] = [prefix?.layers[layer], own > 0 ? layers[layer] : undefined]
      past[names.sharedKeys] = {
        dtype: 'f32',
        shape: [1, kvHeads, headWidth, shared],
        data: sharedPast?.keys.data ?? EMPTY,
      }
      past[names.sharedValues] = {
        dtype: 'f32',
        shape: [1, kvHeads, shared, headWidth],
        data: sharedPast?.values.data ?? EMPTY,
      }
      past[names.ownKeys] = {
        dtype: 'f32',
        shape: [batch, kvHeads, headWidth, own],
        data: ownPast?.keys.data.subarray(first * rowSize, (first + batch) * rowSize) ?? EMPTY,
      }
      past[names.ownValues] = {
        dtype: 'f32',
        shape: [batch, kvHeads, own, headWidth],
        data: ownPast?.values.data.subarray(first * rowSize, (first + batch) * rowSize) ?? EMPTY,
      }
    }
    const ends = { shared_end: oneInteger(shared), own_end: oneInteger(shared + own) }
    const wanted = [
      'logits',
      ...(hidden ? ['hidden'] : []),
      ...(keep ? deviceOutputs(this.#shape.layers) : []),
    ]
    const all = { ...feeds, ...past, ...ends }
    if (this.#session.runInPlace)
      return this.#session.runInPlace(all, wanted, (outputs) => use(outputs, newLength))
    return use(await this.#session.run(all, wanted), newLength)
  }

  #write(
    outputs: Outputs,
    rows: readonly { tokens: readonly number[]; length: number }[],
    cache: HostKvCache,
    first: number,
    newLength: number,
  ): void {
    for (let layer = 0; layer < this.#shape.layers; layer++) {
      const names = cacheNames(layer)
      const [keys, values] = [onHost(outputs, names.newKeys).data, onHost(outputs, names.newValues).data]
      if (!(keys instanceof Float32Array && values instanceof Float32Array))
        throw new TypeError('the new keys and values are not floats')
      rows.forEach(({ tokens, length }, i) => {
        if (tokens.length > 0)
          cache.write(layer, first + i, length, tokens.length, { keys, values, row: i, length: newLength })
      })
    }
  }

  #longest(): number {
    return Math.max(...this.#rows.map(({ length }) => length))
  }

  #find(slot: number): number {
    const row = this.#rowOf.get(slot)
    if (row === undefined) throw new RangeError(`slot ${slot} is not open`)
    return row
  }
}

const EMPTY = new Float32Array(0)
