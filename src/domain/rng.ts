// Knows: randomness as a value. A generator is passed in, and forked by name, so that one more draw in one place
// never changes the draws in another.
// Algorithm: xoshiro128** 1.1 (Blackman and Vigna, 2018), seeded from the SHA-256 of its name.
import { hashOf } from './hash.ts'

/** The four words of the generator, as stored in checkpoints. */
export type RngState = readonly [number, number, number, number]

export interface Rng {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number
  /** Uniform whole number in [0, below). */
  below(below: number): number
  /** Standard normal (Box-Muller). */
  normal(): number
  /** A separate generator for a named purpose; does not advance this one. */
  fork(name: string | number): Rng
  /** Its current state; `restoreRng` continues from it. */
  state(): RngState
}

const rotl = (x: number, k: number): number => ((x << k) | (x >>> (32 - k))) >>> 0

class Xoshiro implements Rng {
  readonly #name: string
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(name: string, [a, b, c, d]: RngState) {
    this.#name = name
    this.#a = a >>> 0
    this.#b = b >>> 0
    this.#c = c >>> 0
    this.#d = a || b || c ? d >>> 0 : d >>> 0 || 1 // all zeros would stay zero
  }

  #word(): number {
    const result = Math.imul(rotl(Math.imul(this.#b, 5) >>> 0, 7), 9) >>> 0
    const t = (this.#b << 9) >>> 0
    this.#c = (this.#c ^ this.#a) >>> 0
    this.#d = (this.#d ^ this.#b) >>> 0
    this.#b = (this.#b ^ this.#c) >>> 0
    this.#a = (this.#a ^ this.#d) >>> 0
    this.#c = (this.#c ^ t) >>> 0
    this.#d = rotl(this.#d, 11)
    return result
  }

  next(): number {
    return this.#word() / 4294967296
  }

  below(below: number): number {
    return Math.floor(this.next() * below)
  }

  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()))
    return radius * Math.cos(2 * Math.PI * this.next())
  }

  fork(name: string | number): Rng {
    return makeRng(`${this.#name}/${name}`)
  }

  state(): RngState {
    return [this.#a, this.#b, this.#c, this.#d]
  }
}

/** A generator from a name or a number: the same name gives the same numbers. A fork's numbers depend on names only. */
export function makeRng(seed: string | number): Rng {
  const name = String(seed)
  const hex = hashOf(['rng', name])
  const word = (i: number): number => Number.parseInt(hex.slice(8 * i, 8 * i + 8), 16)
  return new Xoshiro(name, [word(0), word(1), word(2), word(3)])
}

/** The generator called `name`, in a stored state. */
export function restoreRng(name: string | number, state: RngState): Rng {
  return new Xoshiro(String(name), state)
}

/** A new array with the items in random order (Fisher-Yates). */
export function shuffle<T>(items: readonly T[], rng: Rng): T[] {
  const out = items.slice()
  for (let i = out.length - 1; i > 0; i--) {
    const j = rng.below(i + 1)
    const item = out[i] as T
    out[i] = out[j] as T
    out[j] = item
  }
  return out
}
