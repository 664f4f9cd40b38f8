// Knows: the keys and values of rows: how their memory grows and where a run's new keys and values are written.
// Must not know: which rows there are (host-cache.ts), where the numbers are stored (runtime/).
import type { DecoderShape } from '../models/shape.ts'
import type { Floats } from '../runtime/types.ts'

/** Capacity grows in steps of this many positions; each growth copies what is cached. */
const GROWTH = 64

/**
 * Keys [rows, kvHeads, headWidth, capacity] (transposed) and values [rows, kvHeads, capacity, headWidth] of one
 * layer.
 */
export interface LayerCache {
  readonly keys: Floats
  readonly values: Floats
}

/** A run's new keys [rows, kvHeads, headWidth, length] and values [rows, kvHeads, length, headWidth] of one layer. */
export interface NewKeysValues {
  readonly keys: Float32Array
  readonly values: Float32Array
  readonly row: number
  /** Tokens of each row of the run, padding included. */
  readonly length: number
  /** First position to copy from the row; default 0. */
  readonly from?: number
}

export type Reserve = (count: number) => Floats

export const freeLayers = (layers: readonly LayerCache[]): void => {
  for (const { keys, values } of layers) {
    keys.free()
    values.free()
  }
}

/** Keys and values of rows, with memory for `capacity` tokens each. */
export class HostKvCache {
  readonly #shape: DecoderShape
  readonly #reserve: Reserve
  rows = 0
  capacity = 0
  layers: readonly LayerCache[] = []

  constructor(shape: DecoderShape, reserve: Reserve) {
    this.#shape = shape
    this.#reserve = reserve
  }

  /** Grows to at least `rows` rows of `needed` tokens; copies the first `length` positions of each row. */
  grow(rows: number, needed: number, length: number): void {
    if (rows <= this.rows && needed <= this.capacity) return
    this.#reallocate(
      Math.max(rows, this.rows),
      Math.max(this.capacity, Math.ceil(needed / GROWTH) * GROWTH),
      length,
    )
  }

  /**
   * Shrinks if the longest row, of `length` tokens, uses far less than the capacity: every run reads all
   * positions, filled or not.
   */
  shrink(length: number): void {
    const capacity = Math.ceil((length + 1) / GROWTH) * GROWTH
    if (capacity + 2 * GROWTH <= this.capacity) this.#reallocate(this.rows, capacity, length)
  }

  /** Empties the cache and frees its memory. */
  clear(): void {
    freeLayers(this.layers)
    this.layers = []
    this.rows = this.capacity = 0
  }

  copyRow(from: number, to: number, length: number): void {
    const { kvHeads, headWidth } = this.#shape
    const { capacity } = this
    for (const { keys, values } of this.layers) {
      for (let line = 0; line < kvHeads * headWidth; line++) {
        const start = (from * kvHeads * headWidth + line) * capacity
        keys.data.copyWithin((to * kvHeads * headWidth + line) * capacity, start, start + length)
      }
      for (let head = 0; head < kvHeads; head++) {
        const start = (from * kvHeads + head) * capacity * headWidth
        values.data.copyWithin(
          (to * kvHeads + head) * capacity * headWidth,
          start,
          start + length * headWidth,
        )
      }
    }
  }

  /** Copies `count` keys and values of one row, from a run or from another cache, to positions `at` and up. */
  write(
    layer: number,
    row: number,
    at: number,
    count: number,
    { keys, values, row: source, length, from = 0 }: NewKeysValues,
  ): void {
    const cache = this.layers[layer]
    if (cache === undefined) throw new RangeError(`no layer ${layer}`)
    const { kvHeads, headWidth } = this.#shape
    const { capacity } = this
    const lines = kvHeads * headWidth
    const own = cache.keys.data
    let to = row * lines * capacity + at
    let start = source * lines * length + from
    for (let line = 0; line < lines; line++, to += capacity, start += length) {
      if (count === 1) own[to] = keys[start] ?? 0
      else own.set(keys.subarray(start, start + count), to)
    }
    for (let head = 0; head < kvHeads; head++) {
      const first = ((source * kvHeads + head) * length + from) * headWidth
      cache.values.data.set(
        values.subarray(first, first + count * headWidth),
        ((row * kvHeads + head) * capacity + at) * headWidth,
      )
    }
  }

  /** Copies the first row with exactly this capacity: a shared segment never grows. */
  copyFirstRow(capacity: number): LayerCache[] {
    const own = new HostKvCache(this.#shape, this.#reserve)
    own.#reallocate(1, capacity, 0)
    this.layers.forEach(({ keys, values }, layer) =>
      own.write(layer, 0, 0, capacity, {
        keys: keys.data,
        values: values.data,
        row: 0,
        length: this.capacity,
      }),
    )
    return [...own.layers]
  }

  #reallocate(rows: number, capacity: number, length: number): void {
    const { kvHeads, headWidth, layers } = this.#shape
    const lines = kvHeads * headWidth
    const oldRows = length === 0 ? 0 : this.rows
    const oldCapacity = this.capacity
    const oldLayers = this.layers
    const next: LayerCache[] = []
    try {
      for (let layer = 0; layer < layers; layer++) {
        const fresh = {
          keys: this.#reserve(rows * lines * capacity),
          values: this.#reserve(rows * lines * capacity),
        }
        next.push(fresh)
        // Positions that were never written are masked, but a masked value must still be a number.
        fresh.keys.data.fill(0)
        fresh.values.data.fill(0)
        const old = oldLayers[layer]
        if (old === undefined) continue
        for (let line = 0; line < oldRows * lines; line++)
          fresh.keys.data.set(
            old.keys.data.subarray(line * oldCapacity, line * oldCapacity + length),
            line * capacity,
          )
        for (let head = 0; head < oldRows * kvHeads; head++)
          fresh.values.data.set(
            old.values.data.subarray(
              head * oldCapacity * headWidth,
              (head * oldCapacity + length) * headWidth,
            ),
            head * capacity * headWidth,
          )
        // Freed layer by layer, so that a growing cache never exists twice.
        freeLayers([old])
      }
    } catch (thrown) {
      freeLayers(next)
      this.clear()
      throw thrown
    }
    this.layers = next
    this.rows = rows
    this.capacity = capacity
  }
}
