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
    this.#move(Math.max(rows, this.rows), Math.max(this.places, Math.ceil(wanted / GROWTH) * GROWTH), held, 0)
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

  /** Writes a run's new keys and values of one row behind the `held` ones. */
  write(layer: number, row: number, held: number, count: number, { keys, values, row: from, length }: Fresh): void {
    const memory = this.layers[layer]
    if (memory === undefined) throw new RangeError(`no layer ${layer}`)
    const { kvHeads, headWidth } = this.#shape
    const { places } = this
    const lines = kvHeads * headWidth
    const own = memory.keys.data
    let target = row * lines * places + held
    let source = from * lines * length
    for (let line = 0; line < lines; line++, target += places, source += length) {
      if (count === 1) own[target] = keys[source] ?? 0
      else own.set(keys.subarray(source, source + count), target)
    }
    for (let head = 0; head < kvHeads; head++) {
      const start = (from * kvHeads + head) * length * headWidth
      memory.values.data.set(values.subarray(start, start + count * headWidth), ((row * kvHeads + head) * places + held) * headWidth)
    }
  }

  #move(rows: number, places: number, held: number, _from: number): void {
    const { kvHeads, headWidth, layers } = this.#shape
    const lines = kvHeads * headWidth
    const kept = held === 0 ? 0 : this.rows
    const old = this.places
    const before = this.layers
    this.layers = Array.from({ length: layers }, (_, layer): LayerMemory => {
      const [keys, values] = [this.#reserve(rows * lines * places), this.#reserve(rows * lines * places)]
      // Places that nobody wrote are masked, and what is masked must still be a number.
      keys.data.fill(0)
      values.data.fill(0)
      const was = before[layer]
      if (was === undefined) return { keys, values }
      for (let line = 0; line < kept * lines; line++) keys.data.set(was.keys.data.subarray(line * old, line * old + held), line * places)
      for (let head = 0; head < kept * kvHeads; head++) values.data.set(was.values.data.subarray(head * old * headWidth, (head * old + held) * headWidth), head * places * headWidth)
      was.keys.free()
      was.values.free()
      return { keys, values }
    })
    this.rows = rows
    this.places = places
  }
}
