// Knows: rows of a model that runs on this program's own kernels: the pages of each, prefixes that they share, and steps.
// Every number of a row is computed in the same order whatever the other rows, chunks and prefixes are, so its logits are the same bits.
// Must not know: how kernels compute (kernels/), how tokens are sampled.
import type { KernelDecoder, TokenRow } from '../kernels/decoder.ts'
import { MAX_HEAD_ROWS, MAX_ROWS } from '../kernels/memory.ts'
import { PageList } from '../kernels/pages.ts'
import type { CachedModel, Prefix, RowStep } from './cached-model.ts'
import { checkResize, countRows } from './slots.ts'

class KernelPrefix implements Prefix {
  readonly tokens: readonly number[]
  readonly list: PageList
  constructor(tokens: readonly number[], list: PageList) {
    this.tokens = tokens
    this.list = list
  }
  get bytes(): number {
    return this.list.bytes
  }
  dispose(): void {
    this.list.clear()
  }
}

/** An open row. */
interface Row {
  readonly list: PageList
  readonly table: number
}

/** A model on kernels with `slots` rows. */
export const makeKernelModel = (decoder: KernelDecoder, slots: number): CachedModel =>
  new KernelModel(decoder, slots)

class KernelModel implements CachedModel {
  readonly vocabulary: number
  readonly width: number
  readonly maxSlots: number
  readonly contextLength: number
  readonly batchesStatically = false
  #slots: number
  readonly #decoder: KernelDecoder
  readonly #rows = new Map<number, Row>()
  /** Tables of rows that were closed: memory is never given back to the heap. */
  readonly #tables: number[] = []

  constructor(decoder: KernelDecoder, slots: number) {
    const { shape, contextLength } = decoder
    this.#decoder = decoder
    this.#slots = slots
    this.contextLength = contextLength
    this.maxSlots = countRows(shape, contextLength, slots)
    this.vocabulary = shape.vocabulary
    this.width = shape.width
  }

  get slots(): number {
    return this.#slots
  }

  resize(slots: number): void {
    checkResize(slots, this.maxSlots, this.#rows.size)
    this.#slots = slots
  }

  open(): number {
    if (this.#rows.size >= this.slots) throw new RangeError(`all ${this.slots} slots are taken`)
    let slot = 0
    while (this.#rows.has(slot)) slot++
    this.#rows.set(slot, this.#makeRow())
    return slot
  }

  close(slot: number): void {
    this.#endRow(this.#find(slot))
    this.#rows.delete(slot)
  }

  copy(from: number, to: number): void {
    const [source, target] = [this.#find(from), this.#find(to)]
    target.list.clear()
    target.list.attach(source.list, source.list.length)
  }

  loadPrefix(slot: number, prefix: Prefix): void {
    // The tokens before `from` are in the prefix too, and the same.
    this.#find(slot).list.attach(listOf(prefix), prefix.tokens.length)
  }

  async step(
    steps: readonly RowStep[],
    prefix: Prefix | undefined,
    _keep: boolean,
    onHidden?: (hidden: Float32Array) => void,
  ): Promise<Float32Array> {
    const wanted = steps.reduce((sum, { logitsAt }) => sum + logitsAt.length, 0)
    const logits = new Float32Array(wanted * this.vocabulary)
    const hidden = onHidden && new Float32Array(wanted * this.width)
    const rows: TokenRow[] = []
    const reads: number[] = []
    for (const { slot, tokens, logitsAt } of steps) {
      const { list, table } = this.#find(slot)
      if (prefix !== undefined && list.length === 0) list.attach(listOf(prefix), prefix.tokens.length)
      for (const at of logitsAt) reads.push(rows.length + at)
      rows.push(...this.#append(list, table, tokens))
    }
    this.#compute(rows, reads, logits, hidden)
    if (hidden) onHidden?.(hidden)
    return logits
  }

  async makePrefix(
    tokens: readonly number[],
    tick: (tokens: number) => Promise<void>,
    base?: { readonly prefix: Prefix; readonly tokens: number },
  ): Promise<{ readonly prefix: Prefix; readonly reused: number }> {
    const { list, table } = this.#makeRow()
    const reused = base?.tokens ?? 0
    try {
      if (base !== undefined) list.attach(listOf(base.prefix), reused)
      while (list.length < tokens.length) {
        const chunk = tokens.slice(list.length, list.length + MAX_ROWS)
        this.#compute(this.#append(list, table, chunk), [], new Float32Array(0))
        await tick(chunk.length)
      }
    } catch (thrown) {
      list.clear()
      throw thrown
    } finally {
      this.#tables.push(table)
    }
    return { prefix: new KernelPrefix([...tokens], list), reused }
  }

  async release(): Promise<void> {
    for (const row of this.#rows.values()) this.#endRow(row)
    this.#rows.clear()
    await this.#decoder.release()
  }

  /** Makes room for new tokens of a sequence; returns their rows. */
  #append(list: PageList, table: number, tokens: readonly number[]): TokenRow[] {
    const first = list.length
    if (first + tokens.length > this.contextLength)
      throw new RangeError(`a row of ${first + tokens.length} tokens is longer than ${this.contextLength}`)
    list.grow(tokens.length)
    list.length += tokens.length
    this.#decoder.fillTable(table, list.pages)
    return tokens.map((token, i) => ({ token, position: first + i, table }))
  }

  /** Runs rows in order, in groups of MAX_ROWS; `reads`: rows whose logits are read, ascending. */
  #compute(
    rows: readonly TokenRow[],
    reads: readonly number[],
    logits: Float32Array,
    hidden?: Float32Array,
  ): void {
    let done = 0
    for (let from = 0; from < rows.length; from += MAX_ROWS) {
      const group = rows.slice(from, from + MAX_ROWS)
      this.#decoder.run(group)
      const own = reads.slice(done).filter((row) => row < from + group.length)
      for (let at = 0; at < own.length; at += MAX_HEAD_ROWS) {
        const part = own.slice(at, at + MAX_HEAD_ROWS).map((row) => row - from)
        this.#decoder.readLogits(part, logits, done * this.vocabulary, hidden, done * this.width)
        done += part.length
      }
    }
  }

  #makeRow(): Row {
    return { list: new PageList(this.#decoder.pages), table: this.#tables.pop() ?? this.#decoder.makeTable() }
  }

  #endRow({ list, table }: Row): void {
    list.clear()
    this.#tables.push(table)
  }

  #find(slot: number): Row {
    const row = this.#rows.get(slot)
    if (row === undefined) throw new RangeError(`slot ${slot} is not open`)
    return row
  }
}

function listOf(prefix: Prefix): PageList {
  if (!(prefix instanceof KernelPrefix)) throw new TypeError('the prefix belongs to another model')
  return prefix.list
}
