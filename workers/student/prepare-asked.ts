// Knows: how the rows of a dataset become texts to learn from that can also be asked: the student's prompt and the teacher's.
// Must not know: teachers, steps.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import type { TrainSettings } from '../../src/domain/student.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { PackedRow } from '../../src/engine/training/packing.ts'
import { prepareRows, type PreparedTexts, type TaughtRow } from './prepare-rows.ts'

/** What a row asks. */
export interface Asked {
  readonly system: string
  readonly prompt: string
  /** The same for the student, as tokens. */
  readonly tokens: readonly number[]
}
export interface PreparedAsked extends PreparedTexts {
  readonly of: ReadonlyMap<PackedRow, Asked>
}

/** Rows as for the losses on texts; each can be asked, because its prompt leaves room in the context. */
export async function prepareAsked(
  split: { train: readonly TaughtRow[]; heldOut: readonly DatasetRow[] },
  tokenizer: TextTokenizer,
  settings: TrainSettings,
  signal: AbortSignal,
): Promise<PreparedAsked> {
  const texts = await prepareRows(split, tokenizer, settings, signal)
  const of = new Map(
    texts.train.map((row, i): [PackedRow, Asked] => {
      const { system = '', prompt = '' } = split.train[texts.sources[i] ?? -1] ?? {}
      return [row, { system, prompt, tokens: [...row.tokens.subarray(0, row.from + 1)] }]
    }),
  )
  return { ...texts, of }
}
