// Knows: which of many vectors has the highest cosine with a new one, exactly, in slices.
// Must not know: where vectors come from.
import { inSlices, pause, type Program } from '../programs/program.ts'

/** Numbers of a vector that are compared first: most pairs need no more. */
const HEAD = 64
/** Comparisons between two pauses: a few milliseconds of whole vectors. */
const PAIRS_PER_PAUSE = 8192

/** 16-bit floats by their bits. */
let floats: Float32Array | undefined

/** All 65,536 of them: 256 KB, made when first needed. */
function halfTable(): Float32Array {
  if (floats !== undefined) return floats
  const table = new Float32Array(65_536)
  for (let bits = 0; bits < table.length; bits++) {
    const exponent = (bits >>> 10) & 31
    const fraction = bits & 0x3ff
    const size =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction > 0
            ? Number.NaN
            : Infinity
          : (1 + fraction / 1024) * 2 ** (exponent - 15)
    table[bits] = bits & 0x8000 ? -size : size
  }
  floats = table
  return table
}

/** The mean of vectors of this width; others are left out. */
export function* centre(vectors: readonly Uint16Array[], width: number): Program<Float32Array> {
  const table = halfTable()
  const sum = new Float64Array(width)
  let count = 0
  yield* inSlices(vectors, (vector) => {
    if (vector.length !== width) return
    count += 1
    for (let i = 0; i < width; i++) sum[i] = (sum[i] ?? 0) + (table[vector[i] ?? 0] ?? 0)
  })
  return Float32Array.from(sum, (value) => value / Math.max(1, count))
}

/** A vector that is like a new one, by the name under which it was added. */
export interface Near {
  readonly at: number
  readonly cosine: number
}

/** Vectors of length 1, added one after the other; 4 bytes a number. */
export class NearestVectors {
  readonly #width: number
  readonly #head: number
  readonly #max: number
  /** The first numbers of each, together, so that most pairs read no more memory than these. */
  #heads: Float32Array
  #tails: Float32Array
  /** Of each, the length of its tail. */
  #rests: Float32Array
  #size = 0
  readonly #names: number[] = []
  #pairs = 0

  /** For up to `max` vectors. */
  constructor(width: number, max: number) {
    this.#width = width
    this.#head = Math.min(HEAD, width)
    this.#max = max
    this.#heads = new Float32Array(0)
    this.#tails = new Float32Array(0)
    this.#rests = new Float32Array(0)
  }

  /**
   * For each of some vectors in order, the one with the highest cosine among those added, if that is above `threshold`; of equal ones the
   * first. A vector without one is added, under its name. `middle` is subtracted first. Exact: a pair is left early only if the tails cannot
   * bring it above the threshold (Cauchy-Schwarz). Many vectors at a time are faster than one.
   */
  *addUnlessNear(
    vectors: readonly { readonly name: number; readonly vector: Uint16Array }[],
    threshold: number,
    middle?: Float32Array,
  ): Program<readonly (Near | undefined)[]> {
    const searches = vectors.map(({ vector }) => this.#startSearch(vector, threshold, middle))
    const before = this.#size
    for (let at = 0; at < before; at++) {
      for (const search of searches) this.#compare(search, at)
      this.#pairs += searches.length
      if (this.#pairs >= PAIRS_PER_PAUSE) {
        this.#pairs = 0
        yield* pause()
      }
    }
    return searches.map((search, i) => {
      for (let at = before; at < this.#size; at++) this.#compare(search, at)
      const name = this.#names[search.found]
      if (name === undefined) this.#add(search, vectors[i]?.name ?? -1)
      return name === undefined ? undefined : { at: name, cosine: Math.min(1, search.best) }
    })
  }

  #startSearch(vector: Uint16Array, threshold: number, middle?: Float32Array): Search {
    const table = halfTable()
    const [width, head] = [this.#width, this.#head]
    const values = new Float32Array(width)
    let squares = 0
    for (let i = 0; i < width; i++) {
      const value = (table[vector[i] ?? 0] ?? 0) - (middle?.[i] ?? 0)
      values[i] = value
      squares += value * value
    }
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0
    let rest = 0
    for (let i = 0; i < width; i++) {
      const value = (values[i] ?? 0) * scale
      values[i] = value
      if (i >= head) rest += value * value
    }
    return {
      head: values.subarray(0, head),
      tail: values.subarray(head),
      rest: Math.sqrt(rest),
      best: threshold,
      found: -1,
    }
  }

  #compare(search: Search, at: number): void {
    const [head, tail] = [this.#head, this.#width - this.#head]
    const part = dot(search.head, this.#heads, at * head, head)
    if (part + search.rest * (this.#rests[at] as number) + ROUNDING < search.best) return
    const cosine = part + dot(search.tail, this.#tails, at * tail, tail)
    if (cosine <= search.best) return
    search.best = cosine
    search.found = at
  }

  #add({ head, tail, rest }: Search, name: number): void {
    const at = this.#size
    if (at >= this.#rests.length) {
      const size = Math.min(this.#max, Math.max(256, 2 * at))
      this.#heads = grown(this.#heads, size * head.length)
      this.#tails = grown(this.#tails, size * tail.length)
      this.#rests = grown(this.#rests, size)
    }
    this.#heads.set(head, at * head.length)
    this.#tails.set(tail, at * tail.length)
    this.#rests[at] = rest
    this.#names.push(name)
    this.#size += 1
  }
}

interface Search {
  readonly head: Float32Array
  readonly tail: Float32Array
  readonly rest: number
  best: number
  found: number
}

function grown(values: Float32Array, length: number): Float32Array {
  const made = new Float32Array(length)
  made.set(values)
  return made
}

/** Above the rounding of sums of 32-bit products. */
const ROUNDING = 1e-6

/** The product of `a` with as many numbers of `b`. Four sums, which the machine adds at once. */
function dot(a: Float32Array, b: Float32Array, from: number, length: number): number {
  let one = 0
  let two = 0
  let three = 0
  let four = 0
  let i = 0
  for (; i + 3 < length; i += 4) {
    one += (a[i] as number) * (b[from + i] as number)
    two += (a[i + 1] as number) * (b[from + i + 1] as number)
    three += (a[i + 2] as number) * (b[from + i + 2] as number)
    four += (a[i + 3] as number) * (b[from + i + 3] as number)
  }
  for (; i < length; i++) one += (a[i] as number) * (b[from + i] as number)
  return one + two + three + four
}
