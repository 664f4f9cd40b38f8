// Knows: how the rows of a dataset that have a rejected completion become preference pairs, and how the reference log-probabilities of the
// pairs are computed.
// Must not know: losses, steps.
import type { DatasetRow, Split } from '../../src/domain/dataset.ts'
import { renderStudentExample } from '../../src/engine/tokenizers/templates/student-template.ts'
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
import { coupleSides, describeSides, type Sides } from '../../src/pipeline/training/sides.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { ConversationCounts, fitConversation } from './fit-conversation.ts'
import { yieldToMessages } from './yield-to-messages.ts'
import type { PreparedRows } from './prepare-rows.ts'

/** Maximum number of held-out pairs in an evaluation. */
const MAX_HELD_OUT = 128
const PAIRS_PER_YIELD = 64

export interface PreparedPairs extends PreparedRows {
  /** Each pair by the longer of its rows, which orders it and assigns it to a batch. */
  readonly byRow: ReadonlyMap<PackedRow, PreparedPair>
}

export interface PreparedPair extends TrainPair {
  /** The prompt of this pair with the chosen completion of another: the drift is estimated on it. */
  readonly mismatched: MismatchedRow
}
interface MismatchedRow {
  readonly row: PackedRow
  readonly reference?: number
}

type Text = Pick<DatasetRow, 'system' | 'prompt' | 'earlier' | 'completion'>
interface Couple {
  readonly chosen: Text
  readonly rejected: Text
}

/** The rows that have a rejected completion, each with it. */
const pairsOf = (rows: readonly DatasetRow[]): Couple[] =>
  rows.flatMap((row) =>
    row.rejected === undefined
      ? []
      : [{ chosen: row, rejected: { ...row, completion: row.rejected.completion } }],
  )

/**
 * Tokenizes the pairs; a pair with a completion that does not fit the context, or whose completions differ
 * only beyond it, is left out and counted. `sides`: instead of the rows' own pairs, a
 * good and a bad row each, of any prompts (KTO). Throws ModelRefused if fewer than two are left.
 */
export async function preparePairs(
  split: { train: readonly DatasetRow[]; heldOut: readonly DatasetRow[] },
  tokenizer: TextTokenizer,
  context: number,
  signal: AbortSignal,
  sides?: Sides,
): Promise<PreparedPairs> {
  const byRow = new Map<PackedRow, PreparedPair>()
  let [truncatedRows, skippedRows] = [0, 0]
  const pack = (row: Text, completion = row.completion): PackedRow | undefined => {
    const { ids, promptLength } = renderStudentExample(tokenizer, { ...row, completion })
    const packed = packRows(
      [{ prompt: ids.slice(0, promptLength), completion: ids.slice(promptLength) }],
      context,
    )
    truncatedRows += packed.truncated
    return packed.rows[0]
  }
  const counts = new ConversationCounts()
  const fit = (row: Text, completions: readonly string[]): Text => {
    const fitted = fitConversation(row, (one) =>
      completions.every(
        (completion) => renderStudentExample(tokenizer, { ...one, completion }).ids.length <= context + 1,
      ),
    )
    counts.addFitted(row, fitted)
    return fitted
  }
  /** Both sides of a pair keep the same turns: they are answers to one conversation. */
  const fitCouple = ({ chosen, rejected }: Couple): Couple => {
    if (sides)
      return { chosen: fit(chosen, [chosen.completion]), rejected: fit(rejected, [rejected.completion]) }
    const fitted = fit(chosen, [chosen.completion, rejected.completion])
    return { chosen: fitted, rejected: { ...fitted, completion: rejected.completion } }
  }
  const prepare = async (paired: readonly Couple[]): Promise<PackedRow[]> => {
    const out: PackedRow[] = []
    for (const [i, couple] of paired.entries()) {
      if (i % PAIRS_PER_YIELD === PAIRS_PER_YIELD - 1) await yieldToMessages()
      signal.throwIfAborted()
      const fitted = fitCouple(couple)
      const [chosen, rejected] = [pack(fitted.chosen), pack(fitted.rejected)]
      const mismatched = pack(fitted.chosen, paired[(i + 1) % paired.length]?.chosen.completion ?? '')
      // Texts that differ only beyond the context are one text here: no preference can be learned from them.
      if (!chosen || !rejected || !mismatched || isSameRow(chosen, rejected)) {
        skippedRows += 1
        continue
      }
      const longer = positionsOf(chosen) >= positionsOf(rejected) ? chosen : rejected
      byRow.set(longer, { chosen, rejected, mismatched: { row: mismatched } })
      out.push(longer)
    }
    return out
  }
  const side = (name: Split): Couple[] =>
    coupleSides<Text>(
      (sides?.good ?? []).filter((row) => row.split === name),
      (sides?.bad ?? []).filter((row) => row.split === name),
    )
  const train = await prepare(sides ? side('train') : pairsOf(split.train))
  const heldOut = await prepare(
    sides ? side('held-out').slice(0, MAX_HELD_OUT) : pairsOf(split.heldOut.slice(0, MAX_HELD_OUT)),
  )
  if (train.length < 2 && sides)
    throw new RetortError(
      'ModelRefused',
      `This objective needs at least two good and two bad training rows that fit a context of ${context} tokens. There are ${describeSides(sides)} Judge the rows and keep those above a threshold, then freeze again.`,
    )
  if (train.length < 2)
    throw new RetortError(
      'ModelRefused',
      `The dataset has ${train.length === 1 ? 'one training pair' : 'no training pair'} that fits a context of ${context} tokens and differs within it, and this objective needs at least two. Keep more pairs and freeze again, or start from a student with a longer context.`,
    )
  const notes = [...(sides ? [describeSides(sides)] : []), ...counts.notes(context)]
  return {
    train,
    heldOut,
    byRow,
    truncatedRows,
    skippedRows,
    ...(notes.length > 0 ? { notes } : {}),
  }
}

const isSameRow = (one: PackedRow, other: PackedRow): boolean =>
  one.from === other.from &&
  one.tokens.length === other.tokens.length &&
  one.tokens.every((token, i) => token === other.tokens[i])

export interface ReferenceOptions {
  readonly averages: boolean
  readonly needsDrift: boolean
  /** Pairs per batch. */
  readonly batchSize: number
  readonly signal: AbortSignal
}

/** The pairs with reference log-probabilities, computed with the trainer's current weights. */
export async function computeReference(
  trainer: Trainer,
  pairs: PreparedPairs,
  { averages, needsDrift, batchSize, signal }: ReferenceOptions,
): Promise<PreparedPairs> {
  const byRow = new Map(pairs.byRow)
  const all = [...pairs.byRow]
  for (let from = 0; from < all.length; from += batchSize) {
    await yieldToMessages()
    signal.throwIfAborted()
    const batch = all.slice(from, from + batchSize)
    const chosen = await sumLogProbs(
      trainer,
      batch.map(([, pair]) => pair.chosen),
      batchSize,
      averages,
    )
    const rejected = await sumLogProbs(
      trainer,
      batch.map(([, pair]) => pair.rejected),
      batchSize,
      averages,
    )
    const mismatched = needsDrift
      ? await sumLogProbs(
          trainer,
          batch.map(([, pair]) => pair.mismatched.row),
          batchSize,
          averages,
        )
      : []
    batch.forEach(([row, pair], i) =>
      byRow.set(row, {
        ...pair,
        reference: { chosen: chosen[i] ?? 0, rejected: rejected[i] ?? 0 },
        mismatched: { row: pair.mismatched.row, reference: mismatched[i] ?? 0 },
      }),
    )
  }
  return { ...pairs, byRow }
}

/** KTO's estimate of the KL divergence from the reference, on mismatched completions; at least 0. */
export async function estimateDrift(
  trainer: Trainer,
  pairs: readonly PreparedPair[],
  batchSize: number,
): Promise<number> {
  const current = await sumLogProbs(
    trainer,
    pairs.map(({ mismatched }) => mismatched.row),
    batchSize,
    false,
  )
  return Math.max(
    0,
    pairs.reduce((sum, { mismatched }, i) => sum + (current[i] ?? 0) - (mismatched.reference ?? 0), 0) /
      pairs.length,
  )
}

/** Log-probabilities of whole completions: sums over their tokens, or means if `averages`. */
async function sumLogProbs(
  trainer: Trainer,
  rows: readonly PackedRow[],
  batchSize: number,
  averages: boolean,
): Promise<number[]> {
  const length = Math.ceil(Math.max(...rows.map(positionsOf)) / 16) * 16
  const logProbs = await trainer.logProbs(
    makeBatch(
      rows.map((row) => [row]),
      batchSize,
      length,
    ),
  )
  let at = 0
  return rows.map((row) => {
    const tokens = countPredictions([[row]])
    const sum = logProbs.subarray(at, (at += tokens)).reduce((total, one) => total + one, 0)
    return averages ? sum / Math.max(1, tokens) : sum
  })
}
