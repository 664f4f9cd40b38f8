// Knows: rows of past, how they grow and where a run's new keys and values are written in them.
// Must not know: which rows there are (host-cache.ts), where the numbers lie (runtime/).
import type { DecoderShape } from '../models/shape.ts'
import type { Floats } from '../runtime/types.ts'

/** Places are added in this step; each growth copies what is held. */
const GROWTH = 64

/** Keys [rows, kvHeads, headWidth, places] (turned) and values [rows, kvHeads, places, headWidth] of one layer. */
export interface LayerMemory {
  readonly keys: Floats
  readonly values: Floats
}

/** A run's new keys [rows, kvHeads, headWidth, length] and values [rows, kvHeads, length, headWidth] of one layer. */
export interface Fresh {
  readonly keys: Float32Array
  readonly values: Float32Array
  readonly row: number
  /** Tokens of each row of the run, padding included. */
  readonly length: number
  /** First place to take of the row; default 0. */
  readonly from?: number
}

export type Reserve = (count: number) => Floats

export const freeLayers = (layers: readonly LayerMemory[]): void => {
  for (const { keys, values } of layers) {
    keys.free()
    values.free()
  }
}

/** Rows of past with room for `places` tokens each. */
export class HostMemory {
  readonly #shape: DecoderShape
  readonly #reserve: Reserve
  rows = 0
  places = 0
  layers: readonly LayerMemory[] = []

  constructor(shape: DecoderShape, reserve: Reserve) {
    this.#shape = shape
    this.#reserve = reserve
  }

  /** Makes room for `rows` rows of `wanted` tokens, keeping the first `held` of each. */
  grow(rows: number, wanted: number, held: number): void {
    if (rows <= this.rows && wanted <= this.places) return
    this.#move(Math.max(rows, this.rows), Math.max(this.places, Math.ceil(wanted / GROWTH) * GROWTH), held)
  }

  /** Gives room back that the longest row, of `held` tokens, leaves by far: every run reads all places, filled or not. */
  tighten(held: number): void {
    const places = Math.ceil((held + 1) / GROWTH) * GROWTH
    if (places + 2 * GROWTH <= this.places) this.#move(this.rows, places, held)
  }

  /** Forgets everything and gives the memory back. */
  shrink(): void {
    freeLayers(this.layers)
    this.layers = []
    this.rows = this.places = 0
  }

  copyRow(from: number, to: number, held: number): void {
    const { kvHeads, headWidth } = this.#shape
    const { places } = this
    for (const { keys, values } of this.layers) {
      for (let line = 0; line < kvHeads * headWidth; line++) {
        const start = (from * kvHeads * headWidth + line) * places
        keys.data.copyWithin((to * kvHeads * headWidth + line) * places, start, start + held)
      }
      for (let head = 0; head < kvHeads; head++) {
        const start = (from * kvHeads + head) * places * headWidth
        values.data.copyWithin((to * kvHeads + head) * places * headWidth, start, start + held * headWidth)
      }
    }
  }

  /** Writes `count` keys and values of one row, of a run or of another memory, behind the `held` ones. */
  write(
    layer: number,
    row: number,
    held: number,
    count: number,
    { keys, values, row: source, length, from = 0 }: Fresh,
  ): void {
    const memory = this.layers[layer]
    if (memory === undefined) throw new RangeError(`no layer ${layer}`)
    const { kvHeads, headWidth } = this.#shape
    const { places } = this
    const lines = kvHeads * headWidth
    const own = memory.keys.data
    let to = row * lines * places + held
    let at = source * lines * length + from
    for (let line = 0; line < lines; line++, to += places, at += length) {
      if (count === 1) own[to] = keys[at] ?? 0
      else own.set(keys.subarray(at, at + count), to)
    }
    for (let head = 0; head < kvHeads; head++) {
      const start = ((source * kvHeads + head) * length + from) * headWidth
      memory.values.data.set(
        values.subarray(start, start + count * headWidth),
        ((row * kvHeads + head) * places + held) * headWidth,
      )
    }
  }

  /** The first row's layers with exactly so many places: a shared segment has no room to grow. */
  exact(places: number): LayerMemory[] {
    const own = new HostMemory(this.#shape, this.#reserve)
    own.#move(1, places, 0)
    this.layers.forEach(({ keys, values }, layer) =>
      own.write(layer, 0, 0, places, { keys: keys.data, values: values.data, row: 0, length: this.places }),
    )
    return [...own.layers]
  }

  #move(rows: number, places: number, held: number): void {
    const { kvHeads, headWidth, layers } = this.#shape
    const lines = kvHeads * headWidth
    const kept = held === 0 ? 0 : this.rows
    const old = this.places
    const before = this.layers
    const next: LayerMemory[] = []
    try {
      for (let layer = 0; layer < layers; layer++) {
        const fresh = {
          keys: this.#reserve(rows * lines * places),
          values: this.#reserve(rows * lines * places),
        }
        next.push(fresh)
        // Places that nobody wrote are masked, and what is masked must still be a number.
        fresh.keys.data.fill(0)
        fresh.values.data.fill(0)
        const was = before[layer]
        if (was === undefined) continue
        for (let line = 0; line < kept * lines; line++)
          fresh.keys.data.set(was.keys.data.subarray(line * old, line * old + held), line * places)
        for (let head = 0; head < kept * kvHeads; head++)
          fresh.values.data.set(
            was.values.data.subarray(head * old * headWidth, (head * old + held) * headWidth),
            head * places * headWidth,
          )
        // At once, so that a memory that grows is never there twice.
        freeLayers([was])
      }
    } catch (thrown) {
      freeLayers(next)
      this.shrink()
      throw thrown
    }
    this.layers = next
    this.rows = rows
    this.places = places
  }
}
