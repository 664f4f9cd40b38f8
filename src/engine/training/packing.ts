// Knows: how token rows become batches: cut to the context, masked to completions, padded to one of a few lengths.
// Must not know: text, randomness (a shuffle is passed in).
import { readDirection } from '../weights/directions.ts'
import { MASKED } from './attention.ts'

/** A prompt and its completion as tokens; the completion's end token is part of it. */
export interface TokenRow {
  readonly prompt: readonly number[]
  readonly completion: readonly number[]
  /** What the teacher said of each token of the completion, where the student learns from it. */
  readonly teacher?: TeacherRow
  /** What each of several teachers said of them, where the student learns from several; undefined for one that said nothing. */
  readonly teachers?: readonly (TeacherRow | undefined)[]
}

/** A teacher's likeliest tokens for each of some predictions, in the student's numbers. */
export interface TeacherRow {
  /** k, the same for all rows. */
  readonly choices: number
  /** [predictions, k] */
  readonly ids: Uint16Array
  /** [predictions, k + 1]: their probabilities, and last that of all other tokens together. */
  readonly probabilities: Float32Array
  /** Directions of its hidden states, [predictions, width] in 16-bit floats, where they were stored. */
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
  /** How many times each position's prediction counts, where not each from `from` on counts once: chats with several answers. */
  readonly times?: Uint8Array
  /** Of the predictions that count, in order; may hold more of them than the row does. */
  readonly teacher?: TeacherRow
  /** As `teacher`, of several from which one is drawn at each step (draw-teachers.ts). */
  readonly teachers?: readonly (TeacherRow | undefined)[]
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
  rows.forEach(({ prompt, completion, teacher, teachers }, source) => {
    const whole = prompt.length + completion.length
    const fitting = Math.min(whole, context + 1) // the last token is only predicted: it takes no position
    const from = Math.max(0, prompt.length - 1)
    if (fitting - 1 <= from) return // nothing to predict counts
    if (whole > fitting) cut++
    const tokens = new Int32Array(fitting)
    for (let i = 0; i < fitting; i++)
      tokens[i] = (i < prompt.length ? prompt[i] : completion[i - prompt.length]) ?? 0
    packed.push({ tokens, from, ...(teacher ? { teacher } : {}), ...(teachers ? { teachers } : {}) })
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

/** The lines of one step, each of one row or of several one after another, by index, and the length they are padded to. */
export interface PlannedBatch {
  readonly lines: readonly (readonly number[])[]
  readonly length: number
}

export interface PlanOptions {
  /** Lines of the longest length hold several rows, as many as fit; rows in one line never see each other. */
  readonly packs?: boolean
  /** Short rows come first and long ones last, instead of in any order (a curriculum; Platanios et al. 2019 order by length too). */
  readonly shortFirst?: boolean
}

/**
 * One pass over all rows, each exactly once, `size` lines a batch. Rows of like length go together; those left over in a length
 * go up to the next one, and the last batch may be short. `shuffle` orders rows and batches.
 */
export function planEpoch(
  rows: readonly PackedRow[],
  size: number,
  lengths: readonly number[],
  shuffle: <T>(items: readonly T[]) => T[],
  { packs = false, shortFirst = false }: PlanOptions = {},
): PlannedBatch[] {
  const shuffled = shuffle(rows.map((_, i) => i))
  const placesOf = (i: number): number => positionsOf(rows[i] as PackedRow)
  const order = shortFirst ? shuffled.toSorted((a, b) => placesOf(a) - placesOf(b)) : shuffled
  const batches = packs
    ? cutIntoBatches(fillLines(order, placesOf, lengths.at(-1) ?? 0), size, lengths.at(-1) ?? 0)
    : planByLength(order, placesOf, size, lengths)
  return shortFirst ? batches : shuffle(batches)
}

function planByLength(
  order: readonly number[],
  placesOf: (i: number) => number,
  size: number,
  lengths: readonly number[],
): PlannedBatch[] {
  const batches: PlannedBatch[] = []
  let waiting: number[] = []
  let shorter = 0
  for (const length of lengths) {
    const mine = order.filter((i) => placesOf(i) > shorter && placesOf(i) <= length)
    waiting.push(...mine)
    const whole = length === lengths.at(-1) ? waiting.length : waiting.length - (waiting.length % size)
    batches.push(
      ...cutIntoBatches(
        waiting.slice(0, whole).map((i) => [i]),
        size,
        length,
      ),
    )
    waiting = waiting.slice(whole)
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

/** Lines that are still looked at for room: more find a little more room and cost time with every row. */
const OPEN_LINES = 32

/** Rows into lines, each row into the first open line that has room (first fit). Every line is filled within `length`. */
function fillLines(order: readonly number[], placesOf: (i: number) => number, length: number): number[][] {
  const lines: number[][] = []
  let open: { line: number[]; left: number }[] = []
  for (const i of order) {
    const places = placesOf(i)
    let fitting = open.find(({ left }) => left >= places)
    if (fitting === undefined) {
      fitting = { line: [], left: length }
      lines.push(fitting.line)
      open = [...open.slice(1 - OPEN_LINES), fitting]
    }
    fitting.line.push(i)
    fitting.left -= places
  }
  return lines
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
  /** 1 / counted for what counts once, 0 for padding: the mean is divided once, over the whole step. */
  readonly weights: Float32Array
  /** Predictions that count, each as often as it does. */
  readonly counted: number
  /** What each position may see, [rows, length, length], 0 or very negative; only where lines hold several rows. */
  readonly seen?: Float32Array
  /** The teacher's side of each picked place: ids [picked, k], probabilities [picked, k + 1], and hidden states [picked, width] where rows bring them. */
  readonly teacher?: {
    readonly choices: number
    readonly ids: Int32Array
    readonly probabilities: Float32Array
    readonly hidden?: { readonly width: number; readonly states: Float32Array }
  }
}

/** Picked places come in steps of this many: a runtime plans its memory anew for every new size. */
const PICKED_STEP = 32

/** Times that the prediction of a row's position counts. */
const timesOf = (row: PackedRow, position: number): number =>
  position < row.from ? 0 : (row.times?.[position] ?? 1)
/** Predictions of a row that count, each as often as it does. */
const countedOf = (row: PackedRow): number =>
  row.times
    ? row.times.subarray(row.from, positionsOf(row)).reduce((sum, one) => sum + one, 0)
    : Math.max(0, positionsOf(row) - row.from)
/** Places that a row's predictions take. */
const pickedOf = (row: PackedRow): number =>
  row.times
    ? row.times.subarray(row.from, positionsOf(row)).reduce((sum, one) => sum + Math.min(one, 1), 0)
    : countedOf(row)
export const countPredictions = (lines: readonly (readonly PackedRow[])[]): number =>
  lines.flat().reduce((sum, row) => sum + countedOf(row), 0)

export interface BatchOptions {
  /** Keep apart what lies in one line; without it lines hold one row each. */
  readonly packs?: boolean
  /** Predictions that count in the whole step, where this batch is a part of one. */
  readonly countedInStep?: number
}

/** Lines one under another, each padded at its end with token 0; missing lines are all padding. */
export function makeBatch(
  lines: readonly (readonly PackedRow[])[],
  rows: number,
  length: number,
  { packs = false, countedInStep }: BatchOptions = {},
): Batch {
  const ids = new BigInt64Array(rows * length)
  const counted = countPredictions(lines)
  const predictions = lines.flat().reduce((sum, row) => sum + pickedOf(row), 0)
  const places = Math.min(rows * length, Math.ceil(Math.max(predictions, 1) / PICKED_STEP) * PICKED_STEP)
  const [picked, targets, weights] = [
    new BigInt64Array(places),
    new Int32Array(places),
    new Float32Array(places),
  ]
  const seen = packs ? maskAll(rows, length) : undefined
  const teacher = openTeacher(lines, places)
  let at = 0
  lines.forEach((line, r) => {
    let start = 0
    for (const row of line) {
      const end = start + positionsOf(row)
      if (end > length) throw new RangeError(`Rows of ${end} positions do not fit a length of ${length}.`)
      if (line.length > 1 && !seen) throw new RangeError('Rows in one line need to be kept apart.')
      for (let i = start; i < end; i++) {
        const place = r * length + i
        ids[place] = BigInt(row.tokens[i - start] ?? 0)
        seen?.fill(0, place * length + start, place * length + i + 1)
        const times = timesOf(row, i - start)
        if (times === 0) continue
        picked[at] = BigInt(place)
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
    ...(seen ? { seen } : {}),
    ...(teacher ? { teacher } : {}),
  }
}

/** Room for the teacher's side; padding has an even distribution and no direction, and no weight counts it. */
function openTeacher(lines: readonly (readonly PackedRow[])[], places: number): Batch['teacher'] {
  const { choices, hidden } = lines[0]?.[0]?.teacher ?? {}
  if (choices === undefined) return undefined
  const ids = Int32Array.from({ length: places * choices }, (_, i) => i % choices)
  return {
    choices,
    ids,
    probabilities: new Float32Array(places * (choices + 1)).fill(1 / (choices + 1)),
    ...(hidden ? { hidden: { width: hidden.width, states: new Float32Array(places * hidden.width) } } : {}),
  }
}

function copyTeacher(
  { teacher }: PackedRow,
  prediction: number,
  to: NonNullable<Batch['teacher']>,
  at: number,
): void {
  const { choices } = to
  if (teacher?.choices !== choices)
    throw new RangeError('All rows of a batch bring the teacher, or none does.')
  if ((prediction + 1) * choices > teacher.ids.length)
    throw new RangeError('The teacher said nothing of this token.')
  to.ids.set(teacher.ids.subarray(prediction * choices, (prediction + 1) * choices), at * choices)
  to.probabilities.set(
    teacher.probabilities.subarray(prediction * (choices + 1), (prediction + 1) * (choices + 1)),
    at * (choices + 1),
  )
  if (!to.hidden) return
  const { width, states } = to.hidden
  if (teacher.hidden?.width !== width)
    throw new RangeError('All rows of a batch bring hidden states of one width, or none does.')
  readDirection(teacher.hidden.directions, prediction * width, width, states, at * width)
}

/** Nothing sees anything but itself. */
function maskAll(rows: number, length: number): Float32Array {
  const seen = new Float32Array(rows * length * length).fill(MASKED)
  for (let place = 0; place < rows * length; place++) seen[place * length + (place % length)] = 0
  return seen
}
