// Knows: generation on a decoder of another exporter, whose graph takes the whole KV cache and returns it one
// step longer. Rows share a run as far as the graph supports it (`Batching`); each refers to its row in the
// output of its last run.
// Must not know: how batching is detected (foreign-batching.ts), files.
// Long because one class owns the slots and every forward pass that fills, moves or releases them.
// Long because one file shows how a step becomes runs: groups, chunks, packs.
import type { DeviceTensor, Feeds, HostTensor, Runtime, Session } from '../runtime/types.ts'
import { onHost } from '../runtime/types.ts'
import { fromHalves } from '../weights/half.ts'
import type { ForeignDecoder } from '../weights/onnx/onnx-decoder.ts'
import type { CachedModel, Prefix, RowStep } from './cached-model.ts'
import { TOKENS_PER_RUN } from './cached-model.ts'
import { checkResize } from './slots.ts'
import { hasGap, packRowsTogether, releasePack, type Pack, type PackRow } from './foreign-pack.ts'

/**
 * Which rows may share a run. `left`: all, shorter ones padded at the left and masked. `right`: all for a first
 * chunk and for single tokens, shorter ones padded at the right; longer chunks after a past run one by
 * one. `equal`: rows with equal past and equal new lengths. `single`: none.
 */
export type Batching = 'left' | 'right' | 'equal' | 'single'

export interface ForeignShape {
  readonly vocabulary: number
  /** Width of hidden states, which the graph does not return. */
  readonly width: number
  readonly contextLength: number
}

/**
 * Max logits of a run: if the graph returns logits for every token, longer inputs take several runs. 16 M
 * floats are 64 MB.
 */
const LOGITS_PER_RUN = 2 ** 24
/** On the GPU, finished rows stay in the batch while at least this share of its rows is active. */
const MIN_ALIVE = 0.5

class ForeignPrefix implements Prefix {
  readonly tokens: readonly number[]
  readonly bytes: number
  readonly cached: PackRow
  constructor(tokens: readonly number[], cached: PackRow) {
    this.tokens = tokens
    this.cached = cached
    this.bytes = bytesOf(cached.pack)
    cached.pack.references++
  }
  dispose(): void {
    releasePack(this.cached.pack)
  }
}

interface Row {
  cached: PackRow | undefined
}

/** A row in a run: its new tokens are at positions [start, start + tokens.length) of the run's inputs. */
interface Lane {
  readonly row: Row
  readonly cached: PackRow | undefined
  readonly tokens: readonly number[]
  readonly start: number
}

interface RowInput {
  readonly row: Row
  readonly cached: PackRow | undefined
  readonly tokens: readonly number[]
  readonly logitsAt: readonly number[]
  /** Line of the output at which the row's logits begin. */
  readonly line: number
}

export class ForeignModel implements CachedModel {
  readonly vocabulary: number
  readonly width: number
  readonly contextLength: number
  readonly maxSlots: number
  readonly batchesStatically: boolean
  #slots: number
  readonly #session: Session
  readonly #decoder: ForeignDecoder
  readonly #batching: Batching
  /** The graph returns logits for the last token only. */
  readonly #lastOnly: boolean
  readonly #rows = new Map<number, Row>()

  constructor(
    session: Session,
    backend: Runtime['backend'],
    decoder: ForeignDecoder,
    shape: ForeignShape,
    {
      batching,
      slots,
      lastOnly,
    }: { readonly batching: Batching; readonly slots: number; readonly lastOnly: boolean },
  ) {
    this.#session = session
    this.#decoder = decoder
    this.#batching = batching
    this.#lastOnly = lastOnly
    this.vocabulary = shape.vocabulary
    this.width = shape.width
    this.contextLength = shape.contextLength
    this.#slots = slots
    this.maxSlots = slots
    this.batchesStatically = backend === 'webgpu'
  }

  get slots(): number {
    return this.#slots
  }

  resize(slots: number): void {
    checkResize(slots, this.maxSlots, this.#rows.size)
    this.#slots = slots
  }

  open(): number {
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.#rows.has(slot)) continue
      this.#rows.set(slot, { cached: undefined })
      return slot
    }
    throw new RangeError(`all ${this.slots} slots are taken`)
  }

  close(slot: number): void {
    this.#setCached(this.#find(slot), undefined)
    this.#rows.delete(slot)
  }

  /** Both rows refer to the same tensors, which no run changes. */
  copy(from: number, to: number): void {
    this.#setCached(this.#find(to), this.#find(from).cached)
  }

  loadPrefix(slot: number, prefix: Prefix): void {
    if (!(prefix instanceof ForeignPrefix)) throw new TypeError('the prefix belongs to another model')
    this.#setCached(this.#find(slot), prefix.cached)
  }

  async step(
    steps: readonly RowStep[],
    prefix: Prefix | undefined,
    keep: boolean,
    onHidden?: (hidden: Float32Array) => void,
  ): Promise<Float32Array> {
    if (onHidden !== undefined) throw new TypeError('a graph of another exporter returns no hidden states')
    if (prefix !== undefined && !(prefix instanceof ForeignPrefix))
      throw new TypeError('the prefix belongs to another model')
    let lines = 0
    const inputs = steps.map(({ slot, tokens, logitsAt }): RowInput => {
      const row = this.#find(slot)
      const line = lines
      lines += logitsAt.length
      return { row, cached: row.cached ?? prefix?.cached, tokens, logitsAt, line }
    })
    const out = new Float32Array(lines * this.vocabulary)
    for (const group of this.#group(inputs)) await this.#advance(group, keep, out)
    return out
  }

  async makePrefix(
    tokens: readonly number[],
    tick: (tokens: number) => Promise<void>,
    base?: { readonly prefix: Prefix; readonly tokens: number },
  ): Promise<{ prefix: Prefix; reused: number }> {
    const row: Row = { cached: undefined }
    // A cached prefix cannot be shortened: it is reused only if all of its tokens are part of this prefix.
    const reusable =
      base?.prefix instanceof ForeignPrefix && base.tokens === base.prefix.tokens.length
        ? base.prefix
        : undefined
    const reused = reusable?.tokens.length ?? 0
    this.#setCached(row, reusable?.cached)
    try {
      for (let done = reused; done < tokens.length;) {
        const chunk = tokens.slice(done, done + TOKENS_PER_RUN)
        await this.#advance(
          [{ row, cached: row.cached, tokens: chunk, logitsAt: [], line: 0 }],
          true,
          new Float32Array(0),
        )
        done += chunk.length
        await tick(chunk.length)
      }
      if (row.cached === undefined) throw new RangeError('the prefix has no tokens')
      return { prefix: new ForeignPrefix([...tokens], row.cached), reused }
    } finally {
      this.#setCached(row, undefined)
    }
  }

  release(): Promise<void> {
    for (const row of this.#rows.values()) this.#setCached(row, undefined)
    this.#rows.clear()
    return this.#session.release()
  }

  /** Rows that may share a run. */
  #group(inputs: readonly RowInput[]): RowInput[][] {
    const groups = new Map<string, RowInput[]>()
    inputs.forEach((input, i) => {
      const length = lengthOf(input.cached)
      const n = input.tokens.length
      let key = 'all'
      if (this.#batching === 'single') key = String(i)
      else if (this.#batching === 'equal') key = `${length} ${n}`
      else if (this.#batching === 'right')
        key = length === 0 ? `first ${this.#lastOnly ? n : ''}` : n === 1 ? 'next' : String(i)
      groups.set(key, [...(groups.get(key) ?? []), input])
    })
    // Chunking needs rows that end at the same position, which right-padded rows do not.
    return [...groups.values()].flatMap((group) =>
      this.#batching === 'right' && group.length > 1 && this.#chunkEnds(group).length > 1
        ? group.map((input) => [input])
        : [group],
    )
  }

  /** Ends of the chunks of a group's new tokens, counted along its longest row; the rows end at the same position. */
  #chunkEnds(group: readonly RowInput[]): number[] {
    const length = Math.max(...group.map(({ tokens }) => tokens.length))
    const ends = new Set([length])
    if (this.#lastOnly)
      for (const { tokens, logitsAt } of group)
        for (const at of logitsAt) ends.add(length - tokens.length + at + 1)
    else if (this.#decoder.logitsToKeep === undefined) {
      const size = Math.max(1, Math.floor(LOGITS_PER_RUN / this.vocabulary / group.length))
      for (let end = size; end < length; end += size) ends.add(end)
    }
    return [...ends].toSorted((a, b) => a - b)
  }

  /** Runs a group's new tokens, in one run or several, and writes the requested logits to their lines. */
  async #advance(group: readonly RowInput[], keep: boolean, out: Float32Array): Promise<void> {
    const length = Math.max(...group.map(({ tokens }) => tokens.length))
    let from = 0
    const started = new Set<Row>()
    for (const to of this.#chunkEnds(group)) {
      const inChunk = group.flatMap((input) => {
        const gap = length - input.tokens.length
        return to <= gap ? [] : [{ input, first: Math.max(0, from - gap), last: to - gap }]
      })
      const size =
        to -
        Math.max(from, Math.min(...inChunk.map(({ input, first }) => length - input.tokens.length + first)))
      const lanes = inChunk.map(({ input: { row, cached, tokens }, first, last }): Lane => ({
        row,
        cached: started.has(row) ? row.cached : cached,
        tokens: tokens.slice(first, last),
        start: this.#batching === 'right' ? 0 : size - (last - first),
      }))
      const reads = inChunk.flatMap(({ input: { logitsAt, line }, first, last }, lane) =>
        logitsAt.flatMap((at, i) =>
          at < first || at >= last
            ? []
            : [{ lane, at: (lanes[lane]?.start ?? 0) + at - first, line: line + i }],
        ),
      )
      await this.#run(lanes, size, reads, keep || to < length, out)
      for (const { row } of lanes) started.add(row)
      from = to
    }
  }

  /** One run of the graph. `reads`: the logits after token `at` of a lane go to a line of `out`. */
  async #run(
    active: readonly Lane[],
    size: number,
    reads: readonly { readonly lane: number; readonly at: number; readonly line: number }[],
    keep: boolean,
    out: Float32Array,
  ): Promise<void> {
    const { past, logitsToKeep, takesMask, takesPositions, pastType } = this.#decoder
    const { pack, order } = await this.#packOf(active)
    const lanes = order.map((at) => active[at])
    const length = pack.length + size
    const masks = lanes.map((lane, i) => {
      const mask = new Uint8Array(length)
      mask.set(pack.mask[i] ?? [])
      // In right-padded rows a new token directly follows the row's past.
      const at = this.#batching === 'right' ? countOf(pack.mask[i]) : pack.length + (lane?.start ?? 0)
      return mask.fill(1, at, at + (lane?.tokens.length ?? size))
    })
    const ids = new BigInt64Array(lanes.length * size)
    const positions = new BigInt64Array(lanes.length * size)
    lanes.forEach((lane, i) =>
      lane?.tokens.forEach((token, t) => {
        ids[i * size + lane.start + t] = BigInt(token)
        positions[i * size + lane.start + t] = BigInt(countOf(pack.mask[i]) + t)
      }),
    )
    const integers = (shape: readonly number[], data: BigInt64Array): HostTensor => ({
      dtype: 'i64',
      shape,
      data,
    })
    const last = Math.max(1, size - Math.min(size - 1, ...reads.map(({ at }) => at)))
    const feeds: Feeds = {
      input_ids: integers([lanes.length, size], ids),
      ...(takesMask
        ? {
            attention_mask: integers(
              [lanes.length, length],
              BigInt64Array.from(masks.flatMap((mask) => Array.from(mask, BigInt))),
            ),
          }
        : {}),
      ...(takesPositions ? { position_ids: integers([lanes.length, size], positions) } : {}),
      ...(logitsToKeep === undefined
        ? {}
        : {
            [logitsToKeep.name]: integers(logitsToKeep.rank === 0 ? [] : [1], BigInt64Array.of(BigInt(last))),
          }),
      ...Object.fromEntries(
        past.map((one, i) => [
          one.past,
          pack.tensors[i] ?? { dtype: pastType, shape: [], data: new Float32Array(0) },
        ]),
      ),
    }
    const outputs = await this.#session
      .run(feeds, ['logits', ...(keep ? past.map(({ present }) => present) : [])])
      .finally(() => releasePack(pack))
    if (keep) {
      const made: Pack = {
        tensors: past.map(({ present }) => needTensor(outputs[present], present)),
        length,
        mask: masks,
        gapped: this.#batching === 'left' && masks.some(hasGap),
        references: 1,
      }
      lanes.forEach((lane, row) => lane && this.#setCached(lane.row, { pack: made, row }))
      releasePack(made)
    }
    const logits = onHost(outputs, 'logits')
    const returned = logits.shape[1] ?? 0
    const laneOf = new Map(order.map((at, i) => [at, i]))
    for (const { lane, at, line } of reads) {
      const position = at - (size - returned)
      if (position < 0 || logits.shape[2] !== this.vocabulary)
        throw new TypeError(`logits of ${logits.shape.join(' × ')} for ${size} tokens`)
      const start = ((laneOf.get(lane) ?? 0) * returned + position) * this.vocabulary
      out.set(floatsAt(logits, start, start + this.vocabulary), line * this.vocabulary)
    }
  }

  /**
   * The KV cache of the lanes as one pack, and the lane of each of its rows (index, or −1 for a finished row).
   * The caller releases the pack.
   */
  async #packOf(lanes: readonly Lane[]): Promise<{ pack: Pack; order: number[] }> {
    const [first] = lanes
    const shared = first?.cached?.pack
    const size = shared?.mask.length ?? 0
    const whole =
      shared !== undefined &&
      !shared.gapped &&
      new Set(lanes.map(({ cached }) => cached?.row)).size === lanes.length &&
      lanes.every(({ cached }) => cached?.pack === shared)
    // On the host, a pack with finished rows is packed again: a run would cost as much for them as for active ones.
    if (
      whole &&
      (this.batchesStatically ? lanes.length >= size * MIN_ALIVE : lanes.length === size) &&
      !isTooLong(shared, lanes)
    ) {
      shared.references++
      const order = Array.from({ length: size }, (_, row) =>
        lanes.findIndex(({ cached }) => cached?.row === row),
      )
      return { pack: shared, order }
    }
    const packed = await packRowsTogether(
      lanes.map(({ cached }) => cached),
      this.#decoder.past,
      this.#decoder.pastType,
      this.#batching === 'right' ? 'right' : 'left',
    )
    return { pack: { ...packed, references: 1 }, order: lanes.map((_, i) => i) }
  }

  #setCached(row: Row, cached: PackRow | undefined): void {
    const before = row.cached
    if (cached !== undefined) cached.pack.references++
    row.cached = cached
    if (before !== undefined) releasePack(before.pack)
  }

  #find(slot: number): Row {
    const row = this.#rows.get(slot)
    if (row === undefined) throw new RangeError(`slot ${slot} is not open`)
    return row
  }
}

/** The longest row has finished and the pack is longer than any active row needs. */
const isTooLong = (pack: Pack, lanes: readonly Lane[]): boolean =>
  pack.length > 64 + 1.25 * Math.max(...lanes.map(({ cached }) => lengthOf(cached)))

/** Bytes of all rows of the pack: it stays in memory as a whole. */
function bytesOf({ tensors }: Pack): number {
  // The type of a device tensor is unknown: f32 is the upper bound.
  return tensors.reduce(
    (sum, tensor) =>
      sum +
      ('onDevice' in tensor || tensor.dtype === 'f32' ? 4 : 2) *
        tensor.shape.reduce((product, length) => product * length, 1),
    0,
  )
}

const countOf = (mask: Uint8Array | undefined): number => mask?.reduce((sum, one) => sum + one, 0) ?? 0
const lengthOf = (cached: PackRow | undefined): number =>
  cached === undefined ? 0 : countOf(cached.pack.mask[cached.row])

function floatsAt({ data }: HostTensor, from: number, to: number): Float32Array {
  if (data instanceof Float32Array) return data.subarray(from, to)
  if (data instanceof Uint16Array) return fromHalves(data, from, to)
  throw new TypeError('logits are not floats')
}

function needTensor(tensor: HostTensor | DeviceTensor | undefined, name: string): HostTensor | DeviceTensor {
  if (tensor === undefined) throw new TypeError(`the graph returned no ${name}`)
  return tensor
}
