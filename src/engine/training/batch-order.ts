// Knows: which batch comes next, over any number of epochs, and how to resume from a stored cursor.
// Must not know: which generator shuffles.
import { planEpoch, type PackedRow, type PlannedBatch, type PlanOptions } from './packing.ts'

/** State of a random generator, as numbers that JSON can store. */
export type RandomState = readonly number[]

/** A shuffling generator whose state can be stored. */
export interface Shuffler {
  state(): RandomState
  shuffle<T>(items: readonly T[]): T[]
}

/** Data cursor and random state: enough to repeat the same batches from here. */
export interface Cursor {
  /** Finished epochs. */
  readonly epoch: number
  /** Finished batches of this epoch. */
  readonly next: number
  /** The generator's state when this epoch was planned. */
  readonly random: RandomState
}

/** The sequence of batches. Equal rows, sizes and cursor give equal batches. */
export class BatchOrder {
  readonly #rows: readonly PackedRow[]
  readonly #size: number
  readonly #lengths: readonly number[]
  readonly #shuffler: Shuffler
  readonly #options: PlanOptions
  #epoch: number
  #next: number
  #random: RandomState
  #plan: PlannedBatch[]

  /**
   * `shuffler` must have the state in the cursor; without a cursor the first epoch starts. Short rows come first in the
   * first epoch only.
   */
  constructor(
    rows: readonly PackedRow[],
    size: number,
    lengths: readonly number[],
    shuffler: Shuffler,
    cursor?: Cursor,
    options: PlanOptions = {},
  ) {
    if (rows.length === 0) throw new RangeError('There are no rows to train on.')
    this.#rows = rows
    this.#size = size
    this.#lengths = lengths
    this.#shuffler = shuffler
    this.#options = options
    this.#epoch = cursor?.epoch ?? 0
    this.#next = cursor?.next ?? 0
    this.#random = shuffler.state()
    this.#plan = this.#makePlan()
  }

  get cursor(): Cursor {
    return { epoch: this.#epoch, next: this.#next, random: this.#random }
  }

  /** The next batch; starts a new epoch if this one is finished. */
  take(): PlannedBatch {
    if (this.#next >= this.#plan.length) {
      this.#epoch++
      this.#next = 0
      this.#random = this.#shuffler.state()
      this.#plan = this.#makePlan()
    }
    return this.#plan[this.#next++] as PlannedBatch
  }

  #makePlan(): PlannedBatch[] {
    const { packs = false, shortFirst = false } = this.#options
    return planEpoch(this.#rows, this.#size, this.#lengths, (items) => this.#shuffler.shuffle(items), {
      packs,
      shortFirst: shortFirst && this.#epoch === 0,
    })
  }
}
