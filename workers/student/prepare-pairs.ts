// Knows: how the rows of a dataset that have a rejected completion become the pairs that a student trains on, and what the student
// before this training finds of them.
// Must not know: losses, steps.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import { renderStudentExample } from '../../src/engine/tokenizers/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import {
  countPredictions,
  makeBatch,
  packRows,
  positionsOf,
  type PackedRow,
} from '../../src/engine/training/packing.ts'
import type { TrainPair } from '../../src/engine/training/pairs.ts'
import type { Trainer } from '../../src/engine/training/trainer.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { breathe } from './breathe.ts'
import type { PreparedRows } from './prepare-rows.ts'

/** Held-out pairs that are measured at most. */
const MOST_HELD_OUT = 128
const PAIRS_A_BREATH = 64

export interface PreparedPairs extends PreparedRows {
  /** Each pair by the longer of its rows, under which it is ordered and cut into batches. */
  readonly of: ReadonlyMap<PackedRow, PreparedPair>
}

export interface PreparedPair extends TrainPair {
  /** The prompt of this pair with the better answer of another: what the drift is measured on. */
  readonly stray: StrayRow
}
interface StrayRow {
  readonly row: PackedRow
  readonly reference?: number
}

/** Tokenises the pairs; one of which an answer does not fit the context is left out. Refuses where fewer than two are left. */
export async function preparePairs(
  split: { train: readonly DatasetRow[]; heldOut: readonly DatasetRow[] },
  tokenizer: TextTokenizer,
  context: number,
  signal: AbortSignal,
): Promise<PreparedPairs> {
  const of = new Map<PackedRow, PreparedPair>()
  let [cutRows, leftOutRows] = [0, 0]
  const pack = (row: Pick<DatasetRow, 'system' | 'prompt'>, completion: string): PackedRow | undefined => {
    const { ids, border } = renderStudentExample(tokenizer, {
      system: row.system,
      prompt: row.prompt,
      completion,
    })
    const packed = packRows([{ prompt: ids.slice(0, border), completion: ids.slice(border) }], context)
    cutRows += packed.cut
    return packed.rows[0]
  }
  const prepare = async (rows: readonly DatasetRow[]): Promise<PackedRow[]> => {
    const paired = rows.filter(({ rejected }) => rejected !== undefined)
    const out: PackedRow[] = []
    for (const [i, row] of paired.entries()) {
      if (i % PAIRS_A_BREATH === PAIRS_A_BREATH - 1) await breathe()
      signal.throwIfAborted()
      const [chosen, rejected] = [pack(row, row.completion), pack(row, row.rejected?.completion ?? '')]
      const stray = pack(row, paired[(i + 1) % paired.length]?.completion ?? '')
      if (!chosen || !rejected || !stray) {
        leftOutRows += 1
        continue
      }
      const longer = positionsOf(chosen) >= positionsOf(rejected) ? chosen : rejected
      of.set(longer, { chosen, rejected, stray: { row: stray } })
      out.push(longer)
    }
    return out
  }
  const train = await prepare(split.train)
  const heldOut = await prepare(split.heldOut.slice(0, MOST_HELD_OUT))
  if (train.length < 2)
    throw new RetortError(
      'ModelRefused',
      `The dataset has ${train.length === 1 ? 'one training pair' : 'no training pair'} that fits a context of ${context} tokens, and this loss needs at least two. Keep more pairs and freeze again, or go on from a student with a larger context.`,
    )
  return { train, heldOut, of, cutRows, leftOutRows }
}

export interface Reference {
  readonly averages: boolean
  readonly strays: boolean
  /** Pairs of a batch. */
  readonly places: number
  readonly signal: AbortSignal
}

/** The pairs with what the trainer's present weights find of them: the reference. */
export async function referToPresent(
  trainer: Trainer,
  pairs: PreparedPairs,
  { averages, strays, places, signal }: Reference,
): Promise<PreparedPairs> {
  const of = new Map(pairs.of)
  const all = [...pairs.of]
  for (let from = 0; from < all.length; from += places) {
    await breathe()
    signal.throwIfAborted()
    const some = all.slice(from, from + places)
    const chosen = await findOfRows(
      trainer,
      some.map(([, pair]) => pair.chosen),
      places,
      averages,
    )
    const rejected = await findOfRows(
      trainer,
      some.map(([, pair]) => pair.rejected),
      places,
      averages,
    )
    const stray = strays
      ? await findOfRows(
          trainer,
          some.map(([, pair]) => pair.stray.row),
          places,
          averages,
        )
      : []
    some.forEach(([row, pair], i) =>
      of.set(row, {
        ...pair,
        reference: { chosen: chosen[i] ?? 0, rejected: rejected[i] ?? 0 },
        stray: { row: pair.stray.row, reference: stray[i] ?? 0 },
      }),
    )
  }
  return { ...pairs, of }
}

/** How far the present weights are from the reference on answers of other prompts: KTO's estimate of the divergence, at least 0. */
export async function findDrift(
  trainer: Trainer,
  pairs: readonly PreparedPair[],
  places: number,
): Promise<number> {
  const present = await findOfRows(
    trainer,
    pairs.map(({ stray }) => stray.row),
    places,
    false,
  )
  return Math.max(
    0,
    pairs.reduce((sum, { stray }, i) => sum + (present[i] ?? 0) - (stray.reference ?? 0), 0) / pairs.length,
  )
}

/** Log-probabilities of whole answers, sums over their tokens or means. */
async function findOfRows(
  trainer: Trainer,
  rows: readonly PackedRow[],
  places: number,
  averages: boolean,
): Promise<number[]> {
  const length = Math.ceil(Math.max(...rows.map(positionsOf)) / 16) * 16
  const found = await trainer.findLikelihoods(
    makeBatch(
      rows.map((row) => [row]),
      places,
      length,
    ),
  )
  let at = 0
  return rows.map((row) => {
    const tokens = countPredictions([[row]])
    const sum = found.subarray(at, (at += tokens)).reduce((total, one) => total + one, 0)
    return averages ? sum / Math.max(1, tokens) : sum
  })
}
