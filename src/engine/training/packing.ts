// Knows: how token rows become batches: cut to the context, masked to completions, padded to one of a few lengths.
// Must not know: text, randomness (a shuffle is passed in).

/** A prompt and its completion as tokens; the completion's end token is part of it. */
export interface TokenRow {
  readonly prompt: readonly number[]
  readonly completion: readonly number[]
}

/** A row ready to be trained on: it predicts tokens[i + 1] from tokens[0 … i], and predictions from `from` on count. */
export interface PackedRow {
  readonly tokens: Int32Array
  readonly from: number
}

export interface Packed {
  readonly rows: readonly PackedRow[]
  /** Indices of the packed rows among those given. */
  readonly sources: readonly number[]
  /** Rows whose completion lost its end, and rows of which nothing of the completion fitted or which had none. */
  readonly cut: number
  readonly leftOut: number
}

/** Rows that fit `context` positions. A completion that is too long is cut; a prompt that leaves no room for one takes the row out. */
export function packRows(rows: readonly TokenRow[], context: number): Packed {
  const packed: PackedRow[] = []
  const sources: number[] = []
  let cut = 0
  rows.forEach(({ prompt, completion }, source) => {
    const whole = prompt.length + completion.length
    const fitting = Math.min(whole, context + 1) // the last token is only predicted: it takes no position
    const from = Math.max(0, prompt.length - 1)
    if (fitting - 1 <= from) return // nothing to predict counts
    if (whole > fitting) cut++
    const tokens = new Int32Array(fitting)
    for (let i = 0; i < fitting; i++) tokens[i] = (i < prompt.length ? prompt[i] : completion[i - prompt.length]) ?? 0
    packed.push({ tokens, from })
    sources.push(source)
  })
  return { rows: packed, sources, cut, leftOut: rows.length - packed.length }
}

/** Positions that a row takes. */
export const positionsOf = (row: PackedRow): number => row.tokens.length - 1

/** Lengths that rows are padded to: the context and its halves, four at most, none below 16. Each has a graph of its own. */
export function bucketLengths(context: number): number[] {
  const lengths = [context]
  while (lengths.length < 4 && (lengths[0] ?? 0) >= 32) lengths.unshift(Math.ceil((lengths[0] ?? 0) / 2))
  return lengths
}

/** The rows of one step, by index, and the length they are padded to. */
export interface PlannedBatch {
  readonly rows: readonly number[]
  readonly length: number
}

/**
 * One pass over all rows, each exactly once, `size` a batch. Rows of like length go together; those left over in a length
 * go up to the next one, and the last batch may be short. `shuffle` orders rows and batches.
 */
export function planEpoch(rows: readonly PackedRow[], size: number, lengths: readonly number[], shuffle: <T>(items: readonly T[]) => T[]): PlannedBatch[] {
  const longest = lengths.at(-1) ?? 0
  const order = shuffle(rows.map((_, i) => i))
  const batches: PlannedBatch[] = []
  let waiting: number[] = []
  let shorter = 0
  for (const length of lengths) {
    const mine = order.filter((i) => {
      const positions = positionsOf(rows[i] as PackedRow)
      return positions > shorter && positions <= length
    })
    waiting.push(...mine)
    const whole = length === longest ? waiting.length : waiting.length - (waiting.length % size)
    for (let at = 0; at < whole; at += size) batches.push({ rows: waiting.slice(at, Math.min(at + size, whole)), length })
    waiting = waiting.slice(whole)
    shorter = length
  }
  return shuffle(batches)
}

/** A batch as a graph takes it. */
export interface Batch {
  readonly rows: number
  readonly length: number
  /** Tokens, rows · length. */
  readonly ids: BigInt64Array
  /** Places among the ids whose predictions count, then padding: places 0 of weight 0. */
  readonly picked: BigInt64Array
  /** What each picked place should predict. */
  readonly targets: Int32Array
  /** 1 / counted for what counts, 0 for padding: the mean is divided once, over the whole batch. */
  readonly weights: Float32Array
  /** Predictions that count. */
  readonly counted: number
}

/** Picked places come in steps of this many: a runtime plans its memory anew for every new size. */
const PICKED_STEP = 32

/** Rows side by side, each padded at its end with token 0; missing rows are all padding. */
export function makeBatch(chosen: readonly PackedRow[], rows: number, length: number): Batch {
  const ids = new BigInt64Array(rows * length)
  const counted = chosen.reduce((sum, row) => sum + Math.max(0, positionsOf(row) - row.from), 0)
  const places = Math.min(rows * length, Math.ceil(Math.max(counted, 1) / PICKED_STEP) * PICKED_STEP)
  const [picked, targets, weights] = [new BigInt64Array(places), new Int32Array(places), new Float32Array(places)]
  let at = 0
  chosen.forEach((row, r) => {
    const positions = positionsOf(row)
    if (positions > length) throw new RangeError(`A row of ${positions} positions does not fit a length of ${length}.`)
    for (let i = 0; i < positions; i++) {
      ids[r * length + i] = BigInt(row.tokens[i] ?? 0)
      if (i < row.from) continue
      picked[at] = BigInt(r * length + i)
      targets[at] = row.tokens[i + 1] ?? 0
      weights[at++] = 1 / counted
    }
  })
  return { rows, length, ids, picked, targets, weights, counted }
}
