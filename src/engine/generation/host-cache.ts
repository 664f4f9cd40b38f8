// Knows: the memory of rows in JavaScript's heap, for wasm: every row writes at its own length, so rows of any length share
// a batch without gaps; open rows lie together at the beginning, so a run takes a view of them.
import { cacheNames } from '../models/cached-attention.ts'
import { buildCachedDecoder, deviceOutputs } from '../models/cached-decoder.ts'
import { windowWithin, type DecoderShape } from '../models/shape.ts'
import { reserveInJs } from '../runtime/heap-floats.ts'
import { onHost, type HostTensor, type Outputs, type Runtime, type Session } from '../runtime/types.ts'
import type { LoadedWeights } from '../weights/loaded.ts'
import { TOKENS_PER_RUN, type CachedModel, type Prefix, type RowStep } from './cached-model.ts'
import { freeLayers, HostMemory, type LayerMemory, type Reserve } from './host-memory.ts'
import { checkResize, countRows, floatsOf, inOrder } from './slots.ts'
import { makeStepFeeds, oneInteger, type FeedRow } from './step-feeds.ts'

class HostPrefix implements Prefix {
  readonly tokens: readonly number[]
  readonly bytes: number
  readonly layers: readonly LayerMemory[]
  constructor(tokens: readonly number[], layers: readonly LayerMemory[]) {
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

/** A model on wasm with `slots` rows. The weights' JavaScript copies can go once this is made, but for the embedding. */
export async function makeHostModel(
  runtime: Runtime,
  weights: LoadedWeights,
  slots: number,
  contextLength: number,
): Promise<CachedModel> {
  const session = await runtime.open(buildCachedDecoder(weights, 'host', contextLength))
  // Keeps the embedding's rows and not the matrices, which now live in the session.
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
  readonly mostSlots: number
  readonly contextLength: number
  readonly joinsTogether = false
  #slots: number
  readonly #session: Session
  readonly #shape: DecoderShape
  readonly #embedRow: (id: number, out: Float32Array, at: number) => void
  readonly #memory: HostMemory
  readonly #reserve: Reserve
  /** Row of memory of each slot, and the slot and length of each row. */
  readonly #rowOf = new Map<number, number>()
  readonly #rows: { slot: number; held: number }[] = []

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
    this.mostSlots = countRows(shape, contextLength, slots)
    this.vocabulary = shape.vocabulary
    this.width = shape.width
    this.#reserve = reserve
    this.#memory = new HostMemory(shape, reserve)
  }

  get slots(): number {
    return this.#slots
  }

  resize(slots: number): void {
    checkResize(slots, this.mostSlots, this.#rows.length)
    this.#slots = slots
  }

  open(): number {
    if (this.#rows.length >= this.slots) throw new RangeError(`all ${this.slots} slots are taken`)
    let slot = 0
    while (this.#rowOf.has(slot)) slot++
    this.#rowOf.set(slot, this.#rows.length)
    this.#rows.push({ slot, held: 0 })
    return slot
  }

  close(slot: number): void {
    const row = this.#find(slot)
    const last = this.#rows.length - 1
    const moved = this.#rows[last]
    if (row !== last && moved !== undefined) {
      // The last row takes the place that became free, so that open rows stay together.
      this.#memory.copyRow(last, row, moved.held)
      this.#rows[row] = moved
      this.#rowOf.set(moved.slot, row)
    }
    this.#rows.pop()
    this.#rowOf.delete(slot)
    if (this.#rows.length === 0) this.#memory.shrink()
    else this.#memory.tighten(this.#longest())
  }

  copy(from: number, to: number): void {
    const [source, target] = [this.#rows[this.#find(from)], this.#rows[this.#find(to)]]
    if (source === undefined || target === undefined) return
    this.#memory.grow(this.#rows.length, source.held, this.#longest())
    this.#memory.copyRow(this.#find(from), this.#find(to), source.held)
    target.held = source.held
  }

  seed(slot: number, prefix: Prefix, from: number): void {
    if (!(prefix instanceof HostPrefix)) throw new TypeError('a prefix of another model')
    const at = this.#find(slot)
    const row = this.#rows[at]
    if (row === undefined || row.held > 0) throw new RangeError(`slot ${slot} holds tokens already`)
    const count = prefix.tokens.length - from
    this.#memory.grow(this.#rows.length, count, this.#longest())
    prefix.layers.forEach(({ keys, values }, layer) =>
      this.#memory.write(layer, at, 0, count, {
        keys: keys.data,
        values: values.data,
        row: 0,
        length: prefix.tokens.length,
        from,
      }),
    )
    row.held = count
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
        held: this.#rows[first + i]?.held ?? 0,
      }
    })
    const own =
      Math.max(...this.#rows.slice(first, first + count).map(({ held }) => held)) === 0
        ? 0
        : this.#memory.places
    // A row that joined later has no place yet in a memory that others use.
    if (own > 0) this.#memory.grow(this.#rows.length, own, this.#longest())
    return this.#run(
      rows,
      this.#memory.layers,
      { first, own },
      prefix,
      { keep, hidden: onHidden !== undefined },
      (outputs, length) => {
        if (keep) {
          const longest = Math.max(...rows.map(({ tokens, held }) => held + tokens.length))
          this.#memory.grow(this.#rows.length, longest, this.#longest())
          this.#write(outputs, rows, this.#memory, first, length)
        }
        for (const [i, { tokens }] of rows.entries()) {
          const row = this.#rows[first + i]
          if (row !== undefined && keep) row.held += tokens.length
        }
        const slots = rows.map((_, i) => byRow.get(first + i)?.slot)
        onHidden?.(inOrder(floatsOf(outputs, 'hidden'), this.width, steps, slots))
        return inOrder(floatsOf(outputs, 'logits'), this.vocabulary, steps, slots)
      },
    )
  }

  async makePrefix(
    tokens: readonly number[],
    tick: (tokens: number) => Promise<void>,
    base?: { readonly prefix: Prefix; readonly tokens: number },
  ): Promise<{ prefix: Prefix; reused: number }> {
    const memory = new HostMemory(this.#shape, this.#reserve)
    const reused = base?.tokens ?? 0
    try {
      if (base !== undefined) {
        if (!(base.prefix instanceof HostPrefix)) throw new TypeError('a prefix of another model')
        const length = base.prefix.tokens.length
        memory.grow(1, reused, 0)
        base.prefix.layers.forEach(({ keys, values }, layer) =>
          memory.write(layer, 0, 0, reused, { keys: keys.data, values: values.data, row: 0, length }),
        )
      }
      for (let held = reused; held < tokens.length;) {
        const piece = tokens.slice(held, held + TOKENS_PER_RUN)
        const rows = [{ tokens: piece, logitsAt: [0], held }]
        await this.#run(
          rows,
          memory.layers,
          { first: 0, own: held === 0 ? 0 : memory.places },
          undefined,
          { keep: true, hidden: false },
          (outputs, length) => {
            memory.grow(1, held + piece.length, held)
            this.#write(outputs, rows, memory, 0, length)
          },
        )
        held += piece.length
        await tick(piece.length)
      }
      return { prefix: new HostPrefix([...tokens], memory.exact(tokens.length)), reused }
    } finally {
      memory.shrink()
    }
  }

  release(): Promise<void> {
    this.#memory.shrink()
    return this.#session.release()
  }

  async #run<T>(
    rows: readonly FeedRow[],
    layers: readonly LayerMemory[],
    { first, own }: { first: number; own: number },
    prefix: Prefix | undefined,
    { keep, hidden }: { keep: boolean; hidden: boolean },
    use: (outputs: Outputs, length: number) => T,
  ): Promise<T> {
    if (prefix !== undefined && !(prefix instanceof HostPrefix))
      throw new TypeError('a prefix of another model')
    const { kvHeads, headWidth, width } = this.#shape
    const shared = prefix?.tokens.length ?? 0
    const { length, ...feeds } = makeStepFeeds(
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
      const [beginning, mine] = [prefix?.layers[layer], own > 0 ? layers[layer] : undefined]
      past[names.sharedKeys] = {
        dtype: 'f32',
        shape: [1, kvHeads, headWidth, shared],
        data: beginning?.keys.data ?? EMPTY,
      }
      past[names.sharedValues] = {
        dtype: 'f32',
        shape: [1, kvHeads, shared, headWidth],
        data: beginning?.values.data ?? EMPTY,
      }
      past[names.ownKeys] = {
        dtype: 'f32',
        shape: [batch, kvHeads, headWidth, own],
        data: mine?.keys.data.subarray(first * rowSize, (first + batch) * rowSize) ?? EMPTY,
      }
      past[names.ownValues] = {
        dtype: 'f32',
        shape: [batch, kvHeads, own, headWidth],
        data: mine?.values.data.subarray(first * rowSize, (first + batch) * rowSize) ?? EMPTY,
      }
    }
    const ends = { shared_end: oneInteger(shared), own_end: oneInteger(shared + own) }
    const wanted = [
      'logits',
      ...(hidden ? ['hidden'] : []),
      ...(keep ? deviceOutputs(this.#shape.layers) : []),
    ]
    const all = { ...feeds, ...past, ...ends }
    if (this.#session.look) return this.#session.look(all, wanted, (outputs) => use(outputs, length))
    return use(await this.#session.run(all, wanted), length)
  }

  #write(
    outputs: Outputs,
    rows: readonly { tokens: readonly number[]; held: number }[],
    memory: HostMemory,
    first: number,
    length: number,
  ): void {
    for (let layer = 0; layer < this.#shape.layers; layer++) {
      const names = cacheNames(layer)
      const [keys, values] = [onHost(outputs, names.newKeys).data, onHost(outputs, names.newValues).data]
      if (!(keys instanceof Float32Array && values instanceof Float32Array))
        throw new TypeError('the past is not floats')
      rows.forEach(({ tokens, held }, i) => {
        if (tokens.length > 0)
          memory.write(layer, first + i, held, tokens.length, { keys, values, row: i, length })
      })
    }
  }

  #longest(): number {
    return Math.max(...this.#rows.map(({ held }) => held))
  }

  #find(slot: number): number {
    const row = this.#rowOf.get(slot)
    if (row === undefined) throw new RangeError(`slot ${slot} is not open`)
    return row
  }
}

const EMPTY = new Float32Array(0)
