// Knows: how token rows become batches: truncated to the context, masked to completions, padded to one of a few
// lengths.
// Must not know: text, randomness (a shuffle is passed in).
import { readDirection } from '../weights/directions.ts'
import { MASKED } from './attention.ts'

/** A prompt and its completion as tokens; the completion's end token is part of it. */
export interface TokenRow {
  readonly prompt: readonly number[]
  readonly completion: readonly number[]
  /** 1 for each token of both that is a training target; absent: the completion's tokens are. Not with soft targets. */
  readonly targets?: Uint8Array
  /** The teacher's soft targets for each token of the completion, if the student learns from them. */
  readonly teacher?: TeacherRow
  /** The soft targets of several teachers, if the student learns from several; undefined for a teacher without any. */
  readonly teachers?: readonly (TeacherRow | undefined)[]
}

/** A teacher's top-k tokens for each of some predictions, as token ids of the student. */
export interface TeacherRow {
  /** k, the same for all rows. */
  readonly topK: number
  /** [predictions, k] */
  readonly ids: Uint16Array
  /** [predictions, k + 1]: their probabilities, and last the remaining mass of all other tokens. */
  readonly probabilities: Float32Array
  /** Directions of its hidden states, [predictions, width] in 16-bit floats, if they were stored. */
  readonly hidden?: HiddenRow
}
export interface HiddenRow {
  readonly width: number
  readonly directions: Uint16Array
}

/** A row ready to be trained on: it predicts tokens[i + 1] from tokens[0 … i], and predictions from `from` on count. */
export interface PackedRow {
  readonly tokens: Int32Array
  readonly from: number
  /**
   * How many times each position's prediction counts, if not each from `from` on counts once: chats with several
   * answers.
   */
  readonly times?: Uint8Array
  /** Soft targets of the predictions that count, in order; may contain more predictions than the row. */
  readonly teacher?: TeacherRow
  /** Like `teacher`, for several from which one is drawn at each step (draw-teachers.ts). */
  readonly teachers?: readonly (TeacherRow | undefined)[]
}

export interface Packed {
  readonly rows: readonly PackedRow[]
  /** Indices of the packed rows among those given. */
  readonly sources: readonly number[]
  /** Rows whose completion lost its end, and rows of which no part of the completion fitted or which had none. */
  readonly truncated: number
  readonly skipped: number
}

/**
 * Fits rows to `context` positions. A completion that is too long is truncated; a row whose prompt leaves no room for
 * one is skipped.
 */
export function packRows(rows: readonly TokenRow[], context: number): Packed {
  const packed: PackedRow[] = []
  const sources: number[] = []
  let truncated = 0
  rows.forEach(({ prompt, completion, targets, teacher, teachers }, source) => {
    const whole = prompt.length + completion.length
    const fitting = Math.min(whole, context + 1) // the last token is only predicted: it needs no position
    const first = targets ? targets.indexOf(1) : prompt.length
    const from = Math.max(0, first - 1)
    if (fitting - 1 <= from || first < 0) return // nothing to predict counts
    if (whole > fitting) truncated++
    const tokens = new Int32Array(fitting)
    for (let i = 0; i < fitting; i++)
      tokens[i] = (i < prompt.length ? prompt[i] : completion[i - prompt.length]) ?? 0
    packed.push({
      tokens,
      from,
      ...(targets ? { times: targets.slice(1, fitting) } : {}),
      ...(teacher ? { teacher } : {}),
      ...(teachers ? { teachers } : {}),
    })
    sources.push(source)
  })
  return { rows: packed, sources, truncated, skipped: rows.length - packed.length }
}

/** Positions that a row needs. */
export const positionsOf = (row: PackedRow): number => row.tokens.length - 1

/** Lengths that rows are padded to: the context and its halves, up to four, none below 16. Each has its own graph. */
export function bucketLengths(context: number): number[] {
  const lengths = [context]
  while (lengths.length < 4 && (lengths[0] ?? 0) >= 32) lengths.unshift(Math.ceil((lengths[0] ?? 0) / 2))
  return lengths
}

/**
 * The lines of one step, each with the indices of one row or of several packed rows, and the length they are padded to.
 */
export interface PlannedBatch {
  readonly lines: readonly (readonly number[])[]
  readonly length: number
}

export interface PlanOptions {
  /**
   * Sequence packing: lines of the longest length contain as many rows as fit; rows in one line never attend to each
   * other.
   */
  readonly packs?: boolean
  /**
   * Short rows come first and long ones last, instead of a random order (a curriculum; Platanios et al. 2019 order by
   * length too).
   */
  readonly shortFirst?: boolean
}

/**
 * One epoch: all rows, each exactly once, `size` lines per batch. Rows of similar length share a batch; those left over
 * in a bucket move up to the next one, and the last batch may be short. `shuffle` orders rows and batches.
 */
export function planEpoch(
  rows: readonly PackedRow[],
  size: number,
  lengths: readonly number[],
  shuffle: <T>(items: readonly T[]) => T[],
  { packs = false, shortFirst = false }: PlanOptions = {},
): PlannedBatch[] {
  const shuffled = shuffle(rows.map((_, i) => i))
  const lengthOf = (i: number): number => positionsOf(rows[i] as PackedRow)
  const order = shortFirst ? shuffled.toSorted((a, b) => lengthOf(a) - lengthOf(b)) : shuffled
  const batches = packs
    ? cutIntoBatches(fillLines(order, lengthOf, lengths.at(-1) ?? 0), size, lengths.at(-1) ?? 0)
    : planByLength(order, lengthOf, size, lengths)
  return shortFirst ? batches : shuffle(batches)
}

function planByLength(
  order: readonly number[],
  lengthOf: (i: number) => number,
  size: number,
  lengths: readonly number[],
): PlannedBatch[] {
  const batches: PlannedBatch[] = []
  let pending: number[] = []
  let shorter = 0
  for (const length of lengths) {
    const inBucket = order.filter((i) => lengthOf(i) > shorter && lengthOf(i) <= length)
    pending.push(...inBucket)
    const ready = length === lengths.at(-1) ? pending.length : pending.length - (pending.length % size)
    batches.push(
      ...cutIntoBatches(
        pending.slice(0, ready).map((i) => [i]),
        size,
        length,
      ),
    )
    pending = pending.slice(ready)
    shorter = length
  }
  return batches
}

const cutIntoBatches = (
  lines: readonly (readonly number[])[],
  size: number,
  length: number,
): PlannedBatch[] =>
  Array.from({ length: Math.ceil(lines.length / size) }, (_, i) => ({
    lines: lines.slice(i * size, (i + 1) * size),
    length,
  }))

/** Lines that are searched for room: more of them save a little space and cost time with every row. */
const OPEN_LINES = 32

/** Rows into lines of up to `length`, each row into the first open line that has room (first fit). */
function fillLines(order: readonly number[], lengthOf: (i: number) => number, length: number): number[][] {
  const lines: number[][] = []
  let open: { line: number[]; left: number }[] = []
  for (const i of order) {
    const positions = lengthOf(i)
    let fitting = open.find(({ left }) => left >= positions)
    if (fitting === undefined) {
      fitting = { line: [], left: length }
      lines.push(fitting.line)
      open = [...open.slice(1 - OPEN_LINES), fitting]
    }
    fitting.line.push(i)
    fitting.left -= positions
  }
  return lines
}

/** A batch in the form of the graph's inputs. */
export interface Batch {
  readonly rows: number
  readonly length: number
  /** Tokens, rows · length. */
  readonly ids: BigInt64Array
  /** Indices into `ids` of the positions whose predictions count, then padding: index 0 with weight 0. */
  readonly picked: BigInt64Array
  /** The target of each picked position. */
  readonly targets: Int32Array
  /** 1 / counted for each prediction, 0 for padding: the mean is divided once, over the whole step. */
  readonly weights: Float32Array
  /** Predictions that count, each as often as it counts. */
  readonly counted: number
  /** [rows, length, length], 0 or very negative, added to the scores; only if lines contain several rows. */
  readonly attentionMask?: Float32Array
  /**
   * Soft targets of each picked position: ids [picked, k], probabilities [picked, k + 1], and hidden states [picked,
   * width] if rows have them.
   */
  readonly teacher?: {
    readonly topK: number
    readonly ids: Int32Array
    readonly probabilities: Float32Array
    readonly hidden?: { readonly width: number; readonly states: Float32Array }
  }
}

/**
 * The number of picked positions is rounded up to a multiple of this: a runtime plans its memory again for every new
 * size.
 */
const PICKED_STEP = 32

/** How many times the prediction at a row's position counts. */
const timesOf = (row: PackedRow, position: number): number =>
  position < row.from ? 0 : (row.times?.[position] ?? 1)
/** Predictions of a row that count, each as often as it counts. */
const countedOf = (row: PackedRow): number =>
  row.times
    ? row.times.subarray(row.from, positionsOf(row)).reduce((sum, one) => sum + one, 0)
    : Math.max(0, positionsOf(row) - row.from)
/** Picked positions that a row's predictions need. */
const pickedOf = (row: PackedRow): number =>
  row.times
    ? row.times.subarray(row.from, positionsOf(row)).reduce((sum, one) => sum + Math.min(one, 1), 0)
    : countedOf(row)
export const countPredictions = (lines: readonly (readonly PackedRow[])[]): number =>
  lines.flat().reduce((sum, row) => sum + countedOf(row), 0)

export interface BatchOptions {
  /** Mask the rows in one line from each other; without it, each line has one row. */
  readonly packs?: boolean
  /** Predictions that count in the whole step, with gradient accumulation. */
  readonly countedInStep?: number
}

/** A batch of lines, each padded at its end with token 0; missing lines are all padding. */
export function makeBatch(
  lines: readonly (readonly PackedRow[])[],
  rows: number,
  length: number,
  { packs = false, countedInStep }: BatchOptions = {},
): Batch {
  const ids = new BigInt64Array(rows * length)
  const counted = countPredictions(lines)
  const predictions = lines.flat().reduce((sum, row) => sum + pickedOf(row), 0)
  const size = Math.min(rows * length, Math.ceil(Math.max(predictions, 1) / PICKED_STEP) * PICKED_STEP)
  const [picked, targets, weights] = [new BigInt64Array(size), new Int32Array(size), new Float32Array(size)]
  const attentionMask = packs ? maskAll(rows, length) : undefined
  const teacher = openTeacher(lines, size)
  let at = 0
  lines.forEach((line, r) => {
    let start = 0
    for (const row of line) {
      const end = start + positionsOf(row)
      if (end > length)
        throw new RangeError(`Rows of ${end} positions do not fit into a length of ${length}.`)
      if (line.length > 1 && !attentionMask) throw new RangeError('Several rows in one line need a mask.')
      for (let i = start; i < end; i++) {
        const position = r * length + i
        ids[position] = BigInt(row.tokens[i - start] ?? 0)
        attentionMask?.fill(0, position * length + start, position * length + i + 1)
        const times = timesOf(row, i - start)
        if (times === 0) continue
        picked[at] = BigInt(position)
        if (teacher) copyTeacher(row, i - start - row.from, teacher, at)
        targets[at] = row.tokens[i - start + 1] ?? 0
        weights[at++] = times / (countedInStep ?? counted)
      }
      start = end
    }
  })
  return {
    rows,
    length,
    ids,
    picked,
    targets,
    weights,
    counted,
    ...(attentionMask ? { attentionMask } : {}),
    ...(teacher ? { teacher } : {}),
  }
}

/** Arrays for the soft targets; padding has a uniform distribution and no direction, and its weight is 0. */
function openTeacher(lines: readonly (readonly PackedRow[])[], size: number): Batch['teacher'] {
  const { topK, hidden } = lines[0]?.[0]?.teacher ?? {}
  if (topK === undefined) return undefined
  const ids = Int32Array.from({ length: size * topK }, (_, i) => i % topK)
  return {
    topK,
    ids,
    probabilities: new Float32Array(size * (topK + 1)).fill(1 / (topK + 1)),
    ...(hidden ? { hidden: { width: hidden.width, states: new Float32Array(size * hidden.width) } } : {}),
  }
}

function copyTeacher(
  { teacher }: PackedRow,
  prediction: number,
  to: NonNullable<Batch['teacher']>,
  at: number,
): void {
  const { topK } = to
  if (teacher?.topK !== topK)
    throw new RangeError('Either all rows of a batch have soft targets or none has.')
  if ((prediction + 1) * topK > teacher.ids.length)
    throw new RangeError('The teacher has no soft targets for this token.')
  to.ids.set(teacher.ids.subarray(prediction * topK, (prediction + 1) * topK), at * topK)
  to.probabilities.set(
    teacher.probabilities.subarray(prediction * (topK + 1), (prediction + 1) * (topK + 1)),
    at * (topK + 1),
  )
  if (!to.hidden) return
  const { width, states } = to.hidden
  if (teacher.hidden?.width !== width)
    throw new RangeError('Either all rows of a batch have hidden states of one width or none has.')
  readDirection(teacher.hidden.directions, prediction * width, width, states, at * width)
}

/** A mask in which each position attends only to itself. */
function maskAll(rows: number, length: number): Float32Array {
  const mask = new Float32Array(rows * length * length).fill(MASKED)
  for (let position = 0; position < rows * length; position++)
    mask[position * length + (position % length)] = 0
  return mask
}
