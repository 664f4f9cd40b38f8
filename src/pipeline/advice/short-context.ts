// Knows: when training rows are longer than the context of the student, which cuts their completions, and what to raise it to.
// Must not know: tokenizers (before a training, the student's own is not there yet), screens.
import type { TrainSettings } from '../../domain/student.ts'
import { findLoss, lossOf, planOf } from '../training/index.ts'
import { commonSettings } from '../training/losses/common-settings.ts'
import type { Advice } from './advice.ts'

/**
 * UTF-8 bytes per token of a large model's vocabulary. Measured with SmolLM2's: 4.1 to 4.7 on the texts of Self-Instruct, Banking77 and
 * SST-2, 2.8 where digits are many, as in GSM8K.
 */
const GIVEN_BYTES = 4
/**
 * UTF-8 bytes per token of a vocabulary that is learned from the rows: it grows by half a byte with each doubling. Measured on the same four
 * sets (84 to 530 kB, all English): 1.9 to 2.8 with 512 entries, 2.5 to 3.9 with 1024, 3.0 to 4.2 with 2048, 3.3 to 4.2 with 4096.
 */
const learnedBytes = (vocabulary: number): number =>
  Math.max(1, Math.min(GIVEN_BYTES, 0.5 * Math.log2(vocabulary) - 2.3))
/** Tokens of the chat template around a row. */
const TEMPLATE_TOKENS = 8
/** Fewer rows than this, or a smaller share, need no advice. */
const MIN_SHARE = 0.02

export interface ContextFacts {
  readonly settings: TrainSettings
  /** UTF-8 bytes of the texts of each training row. */
  readonly rowBytes: readonly number[]
}

/** Tokens of a row under a student's vocabulary, roughly. */
export const estimateRowTokens = (bytes: number, settings: TrainSettings): number => {
  const { vocabulary } = planOf(settings)
  return TEMPLATE_TOKENS + bytes / (vocabulary === undefined ? GIVEN_BYTES : learnedBytes(vocabulary))
}

/** Estimated from the texts, so “about”. Students that start from another have its context. */
export function adviseOnContext({ settings, rowBytes }: ContextFacts): Advice | undefined {
  const { context } = settings
  const { to: limit } = commonSettings.context
  if (lossOf(settings).startsFrom === 'student' || rowBytes.length === 0) return undefined
  const tokens = rowBytes.map((bytes) => estimateRowTokens(bytes, settings))
  const cut = tokens.filter((count) => count > context).length
  if (cut === 0 || cut < MIN_SHARE * tokens.length) return undefined
  const longest = tokens.reduce((max, count) => Math.max(max, count), 0)
  let value = context
  while (value < longest && value < limit) value = Math.min(limit, 2 * value)
  const seen = `About ${cut} of ${tokens.length} training rows ${cut === 1 ? 'is' : 'are'} longer than the context of ${context} tokens and would be cut.`
  if (value <= context)
    return {
      id: 'short-context',
      sentence: `${seen} That is the longest context there is: keep shorter rows, with the length filter of the recipe.`,
      remedy: { label: 'Open the recipe', change: { kind: 'open', screen: 'recipe' } },
    }
  // Rows are padded to the longest one.
  const factor = Math.min(longest, value) / context
  const still = tokens.filter((count) => count > value).length
  return {
    id: 'short-context',
    sentence: `${seen} Raise Context length to ${value}: ${still === 0 ? 'all fit' : `all but ${still} fit`}, and a step takes about ${factor < 9.5 ? Number(factor.toPrecision(2)) : Math.round(factor)} times as long.`,
    remedy: {
      label: `Set Context length to ${value}`,
      change: { kind: 'set-training', field: 'context', value },
    },
  }
}

/** After a training: the rows that were cut, counted. */
export function adviseOnCutRows(
  {
    truncatedRows,
    skippedRows,
    settings,
  }: { readonly truncatedRows: number; readonly skippedRows: number; readonly settings: TrainSettings },
  rows: number,
): Advice | undefined {
  const cut = truncatedRows + skippedRows
  const value = Math.min(commonSettings.context.to, 2 * settings.context)
  if (
    findLoss(settings.loss)?.startsFrom === 'student' ||
    cut === 0 ||
    cut < MIN_SHARE * rows ||
    value <= settings.context
  )
    return undefined
  return {
    id: 'cut-rows',
    sentence: `${cut} of ${rows} training rows were longer than the context of ${settings.context} tokens and ${skippedRows === 0 ? 'were cut' : `were cut or, ${skippedRows} of them, left out`}: the student saw no end of them. Raise Context length.`,
    remedy: {
      label: `Set Context length to ${value} for the next one`,
      change: { kind: 'set-training', field: 'context', value },
    },
  }
}
