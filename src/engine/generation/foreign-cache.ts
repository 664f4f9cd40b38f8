// Knows: generation on a decoder whose graph was made elsewhere: it takes the whole memory and gives it back one step longer.
// Rows share a run as far as the graph allows it (`Batching`); each refers to its place in what its last run left.
// Must not know: how it is found out what a graph allows (foreign-batching.ts), files.
import type { DeviceTensor, Feeds, HostTensor, Runtime, Session } from '../runtime/types.ts'
import { onHost } from '../runtime/types.ts'
import { fromHalves } from '../weights/half.ts'
import type { ForeignDecoder } from '../weights/onnx-decoder.ts'
import type { CachedModel, Prefix, RowStep } from './cached-model.ts'
import { TOKENS_PER_RUN } from './cached-model.ts'
import { checkResize } from './slots.ts'
import { hasGap, layTogether, letGo, type Held, type Pack } from './foreign-pack.ts'

/**
 * Which rows may share a run. `left`: all, with gaps before shorter ones, masked. `right`: all for a first piece and for single tokens, with
 * gaps behind shorter ones; longer pieces behind a memory one row at a time. `equal`: rows that hold as much and get as much. `single`: none.
 */
export type Batching = 'left' | 'right' | 'equal' | 'single'

export interface ForeignShape {
  readonly vocabulary: number
  /** Of hidden states, which the graph does not give. */
  readonly width: number
  readonly contextLength: number
}

/** Logits of a run at most: more are cut into several runs where the graph gives them for every token. 16 M floats are 64 MB. */
const LOGITS_PER_RUN = 2 ** 24
/** On a graphics card rows that have ended are carried along until this share of them is left. */
const LEAST_ALIVE = 0.5

class ForeignPrefix implements Prefix {
  readonly tokens: readonly number[]
  readonly bytes: number
  readonly held: Held
  constructor(tokens: readonly number[], held: Held) {
    this.tokens = tokens
    this.held = held
    this.bytes = bytesOf(held.pack)
    held.pack.users++
  }
  dispose(): void {
    letGo(this.held.pack)
  }
}

interface Row {
  held: Held | undefined
}

/** A row in a run: its new tokens stand in places [start, start + tokens.length) of the run's. */
interface Lane {
  readonly row: Row
  readonly held: Held | undefined
  readonly tokens: readonly number[]
  readonly start: number
}

interface Asked {
  readonly row: Row
  readonly held: Held | undefined
  readonly tokens: readonly number[]
  readonly logitsAt: readonly number[]
  /** Line of the answer at which the row's logits begin. */
  readonly line: number
}

export class ForeignModel implements CachedModel {
  readonly vocabulary: number
  readonly width: number
  readonly contextLength: number
  readonly mostSlots: number
  readonly joinsTogether: boolean
  #slots: number
  readonly #session: Session
  readonly #decoder: ForeignDecoder
  readonly #batching: Batching
  /** Logits are given for the last token only, whatever is asked. */
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
    this.mostSlots = slots
    this.joinsTogether = backend === 'webgpu'
  }

  get slots(): number {
    return this.#slots
  }

  resize(slots: number): void {
    checkResize(slots, this.mostSlots, this.#rows.size)
    this.#slots = slots
  }

  open(): number {
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.#rows.has(slot)) continue
      this.#rows.set(slot, { held: undefined })
      return slot
    }
    throw new RangeError(`all ${this.slots} slots are taken`)
  }

  close(slot: number): void {
    this.#hold(this.#find(slot), undefined)
    this.#rows.delete(slot)
  }

  /** Both rows refer to the same memory, which no run changes. */
  copy(from: number, to: number): void {
    this.#hold(this.#find(to), this.#find(from).held)
  }

  seed(slot: number, prefix: Prefix): void {
    if (!(prefix instanceof ForeignPrefix)) throw new TypeError('a prefix of another model')
    this.#hold(this.#find(slot), prefix.held)
  }

  async step(
    steps: readonly RowStep[],
    prefix: Prefix | undefined,
    keep: boolean,
    onHidden?: (hidden: Float32Array) => void,
  ): Promise<Float32Array> {
    if (onHidden !== undefined) throw new TypeError('a graph from elsewhere gives no hidden states')
    if (prefix !== undefined && !(prefix instanceof ForeignPrefix))
      throw new TypeError('a prefix of another model')
    let lines = 0
    const asked = steps.map(({ slot, tokens, logitsAt }): Asked => {
      const row = this.#find(slot)
      const line = lines
      lines += logitsAt.length
      return { row, held: row.held ?? prefix?.held, tokens, logitsAt, line }
    })
    const out = new Float32Array(lines * this.vocabulary)
    for (const group of this.#group(asked)) await this.#advance(group, keep, out)
    return out
  }

  async makePrefix(
    tokens: readonly number[],
    tick: (tokens: number) => Promise<void>,
    base?: { readonly prefix: Prefix; readonly tokens: number },
  ): Promise<{ prefix: Prefix; reused: number }> {
    const row: Row = { held: undefined }
    // The memory cannot be cut: another beginning serves where it is one of these tokens as a whole.
    const known =
      base?.prefix instanceof ForeignPrefix && base.tokens === base.prefix.tokens.length
        ? base.prefix
        : undefined
    const reused = known?.tokens.length ?? 0
    this.#hold(row, known?.held)
    try {
      for (let done = reused; done < tokens.length;) {
        const piece = tokens.slice(done, done + TOKENS_PER_RUN)
        await this.#advance(
          [{ row, held: row.held, tokens: piece, logitsAt: [], line: 0 }],
          true,
          new Float32Array(0),
        )
        done += piece.length
        await tick(piece.length)
      }
      if (row.held === undefined) throw new RangeError('a prefix of no tokens')
      return { prefix: new ForeignPrefix([...tokens], row.held), reused }
    } finally {
      this.#hold(row, undefined)
    }
  }

  release(): Promise<void> {
    for (const row of this.#rows.values()) this.#hold(row, undefined)
    this.#rows.clear()
    return this.#session.release()
  }

  /** Rows that may share a run. */
  #group(asked: readonly Asked[]): Asked[][] {
    const groups = new Map<string, Asked[]>()
    asked.forEach((one, i) => {
      const held = lengthOf(one.held)
      const n = one.tokens.length
      let key = 'all'
      if (this.#batching === 'single') key = String(i)
      else if (this.#batching === 'equal') key = `${held} ${n}`
      else if (this.#batching === 'right')
        key = held === 0 ? `first ${this.#lastOnly ? n : ''}` : n === 1 ? 'next' : String(i)
      groups.set(key, [...(groups.get(key) ?? []), one])
    })
    // What must be cut into pieces needs rows that end together, which rows with gaps behind them do not.
    return [...groups.values()].flatMap((group) =>
      this.#batching === 'right' && group.length > 1 && this.#cuts(group).length > 1
        ? group.map((one) => [one])
        : [group],
    )
  }

  /** Ends of the pieces in which a group's new tokens are brought, counted along its longest row; the rows end together. */
  #cuts(group: readonly Asked[]): number[] {
    const length = Math.max(...group.map(({ tokens }) => tokens.length))
    const ends = new Set([length])
    if (this.#lastOnly)
      for (const { tokens, logitsAt } of group)
        for (const at of logitsAt) ends.add(length - tokens.length + at + 1)
    else if (this.#decoder.keeps === undefined) {
      const most = Math.max(1, Math.floor(LOGITS_PER_RUN / this.vocabulary / group.length))
      for (let end = most; end < length; end += most) ends.add(end)
    }
    return [...ends].toSorted((a, b) => a - b)
  }

  /** Brings a group's new tokens, in one run or several, and writes the wanted logits at their lines. */
  async #advance(group: readonly Asked[], keep: boolean, out: Float32Array): Promise<void> {
    const length = Math.max(...group.map(({ tokens }) => tokens.length))
    const cuts = this.#cuts(group)
    let from = 0
    const begun = new Set<Row>()
    for (const to of cuts) {
      const inPiece = group.flatMap((asked) => {
        const gap = length - asked.tokens.length
        return to <= gap ? [] : [{ asked, first: Math.max(0, from - gap), last: to - gap }]
      })
      const size =
        to -
        Math.max(from, Math.min(...inPiece.map(({ asked, first }) => length - asked.tokens.length + first)))
      const lanes = inPiece.map(({ asked: { row, held, tokens }, first, last }): Lane => ({
        row,
        held: begun.has(row) ? row.held : held,
        tokens: tokens.slice(first, last),
        start: this.#batching === 'right' ? 0 : size - (last - first),
      }))
      const reads = inPiece.flatMap(({ asked: { logitsAt, line }, first, last }, lane) =>
        logitsAt.flatMap((at, i) =>
          at < first || at >= last
            ? []
            : [{ lane, at: (lanes[lane]?.start ?? 0) + at - first, line: line + i }],
        ),
      )
      await this.#run(lanes, size, reads, keep || to < length, out)
      for (const { row } of lanes) begun.add(row)
      from = to
    }
  }

  /** One run of the graph. `reads`: the logits behind place `at` of a lane go to a line of `out`. */
  async #run(
    wanted: readonly Lane[],
    size: number,
    reads: readonly { readonly lane: number; readonly at: number; readonly line: number }[],
    keep: boolean,
    out: Float32Array,
  ): Promise<void> {
    const { past, keeps, takesMask, takesPositions, pastType } = this.#decoder
    const { pack, order } = await this.#lay(wanted)
    const lanes = order.map((at) => wanted[at])
    const places = pack.places + size
    const real = lanes.map((lane, i) => {
      const mask = new Uint8Array(places)
      mask.set(pack.real[i] ?? [])
      // With gaps behind shorter rows a new token stands directly behind what the row holds.
      const at = this.#batching === 'right' ? countOf(pack.real[i]) : pack.places + (lane?.start ?? 0)
      return mask.fill(1, at, at + (lane?.tokens.length ?? size))
    })
    const ids = new BigInt64Array(lanes.length * size)
    const positions = new BigInt64Array(lanes.length * size)
    lanes.forEach((lane, i) =>
      lane?.tokens.forEach((token, t) => {
        ids[i * size + lane.start + t] = BigInt(token)
        positions[i * size + lane.start + t] = BigInt(countOf(pack.real[i]) + t)
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
              [lanes.length, places],
              BigInt64Array.from(real.flatMap((mask) => Array.from(mask, BigInt))),
            ),
          }
        : {}),
      ...(takesPositions ? { position_ids: integers([lanes.length, size], positions) } : {}),
      ...(keeps === undefined
        ? {}
        : { [keeps.name]: integers(keeps.rank === 0 ? [] : [1], BigInt64Array.of(BigInt(last))) }),
      ...Object.fromEntries(
        past.map((one, i) => [
          one.past,
          pack.tensors[i] ?? { dtype: pastType, shape: [], data: new Float32Array(0) },
        ]),
      ),
    }
    const outputs = await this.#session
      .run(feeds, ['logits', ...(keep ? past.map(({ present }) => present) : [])])
      .finally(() => letGo(pack))
    if (keep) {
      const made: Pack = {
        tensors: past.map(({ present }) => needTensor(outputs[present], present)),
        places,
        real,
        gapped: this.#batching === 'left' && real.some(hasGap),
        users: 1,
      }
      lanes.forEach((lane, row) => lane && this.#hold(lane.row, { pack: made, row }))
      letGo(made)
    }
    const logits = onHost(outputs, 'logits')
    const given = logits.shape[1] ?? 0
    const laneOf = new Map(order.map((at, i) => [at, i]))
    for (const { lane, at, line } of reads) {
      const place = at - (size - given)
      if (place < 0 || logits.shape[2] !== this.vocabulary)
        throw new TypeError(`logits of ${logits.shape.join(' × ')} for ${size} tokens`)
      const start = ((laneOf.get(lane) ?? 0) * given + place) * this.vocabulary
      out.set(floatsAt(logits, start, start + this.vocabulary), line * this.vocabulary)
    }
  }

  /**
   * The memory of the lanes as one pack, and which lane (index, or −1 for a row that has ended) each of its rows is. The caller lets the
   * pack go.
   */
  async #lay(lanes: readonly Lane[]): Promise<{ pack: Pack; order: number[] }> {
    const [first] = lanes
    const shared = first?.held?.pack
    const size = shared?.real.length ?? 0
    const whole =
      shared !== undefined &&
      !shared.gapped &&
      new Set(lanes.map(({ held }) => held?.row)).size === lanes.length &&
      lanes.every(({ held }) => held?.pack === shared)
    // Without the rows that have gone a pack on the host is laid anew: its run would cost as much for them as for others.
    if (
      whole &&
      (this.joinsTogether ? lanes.length >= size * LEAST_ALIVE : lanes.length === size) &&
      !isLoose(shared, lanes)
    ) {
      shared.users++
      const order = Array.from({ length: size }, (_, row) => lanes.findIndex(({ held }) => held?.row === row))
      return { pack: shared, order }
    }
    const laid = await layTogether(
      lanes.map(({ held }) => held),
      this.#decoder.past,
      this.#decoder.pastType,
      this.#batching === 'right' ? 'right' : 'left',
    )
    return { pack: { ...laid, users: 1 }, order: lanes.map((_, i) => i) }
  }

  #hold(row: Row, held: Held | undefined): void {
    const before = row.held
    if (held !== undefined) held.pack.users++
    row.held = held
    if (before !== undefined) letGo(before.pack)
  }

  #find(slot: number): Row {
    const row = this.#rows.get(slot)
    if (row === undefined) throw new RangeError(`slot ${slot} is not open`)
    return row
  }
}

/** The longest row has gone and left places that no row needs. */
const isLoose = (pack: Pack, lanes: readonly Lane[]): boolean =>
  pack.places > 64 + 1.25 * Math.max(...lanes.map(({ held }) => lengthOf(held)))

/** All rows of it: a pack is held as a whole. */
function bytesOf({ tensors }: Pack): number {
  // What a tensor on the device is made of is not told: floats are the most that it can be.
  return tensors.reduce(
    (sum, tensor) =>
      sum +
      ('onDevice' in tensor || tensor.dtype === 'f32' ? 4 : 2) *
        tensor.shape.reduce((product, length) => product * length, 1),
    0,
  )
}

const countOf = (real: Uint8Array | undefined): number => real?.reduce((sum, one) => sum + one, 0) ?? 0
const lengthOf = (held: Held | undefined): number =>
  held === undefined ? 0 : countOf(held.pack.real[held.row])

function floatsAt({ data }: HostTensor, from: number, to: number): Float32Array {
  if (data instanceof Float32Array) return data.subarray(from, to)
  if (data instanceof Uint16Array) return fromHalves(data, from, to)
  throw new TypeError('logits are not floats')
}

function needTensor(tensor: HostTensor | DeviceTensor | undefined, name: string): HostTensor | DeviceTensor {
  if (tensor === undefined) throw new TypeError(`the graph gave no ${name}`)
  return tensor
}
