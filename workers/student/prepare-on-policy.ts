// Knows: how the rows of a dataset become training texts with a prompt each for the student and the teacher to continue.
// Must not know: teachers, steps.
import type { ChatMessage } from '../../src/domain/completion-request.ts'
import type { DatasetRow } from '../../src/domain/dataset.ts'
import type { CommonTrainSettings } from '../../src/domain/student.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { PackedRow } from '../../src/engine/training/packing.ts'
import { prepareRows, type PreparedTexts, type RowWithTeachers } from './prepare-rows.ts'

/** The prompt of a row. */
export interface RowPrompt {
  readonly system: string
  /** The messages before the prompt, as far as they fit the context. */
  readonly earlier?: readonly ChatMessage[]
  readonly prompt: string
  /** The same as token ids of the student. */
  readonly tokens: readonly number[]
}
export interface OnPolicyRows extends PreparedTexts {
  readonly byRow: ReadonlyMap<PackedRow, RowPrompt>
}

/** Rows as for the losses on texts; each can be continued, because its prompt leaves room in the context. */
export async function prepareOnPolicyRows(
  split: { train: readonly RowWithTeachers[]; heldOut: readonly DatasetRow[] },
  tokenizer: TextTokenizer,
  settings: Pick<CommonTrainSettings, 'context'>,
  signal: AbortSignal,
): Promise<OnPolicyRows> {
  const texts = await prepareRows(split, tokenizer, settings, signal)
  const byRow = new Map(
    texts.train.map((row, i): [PackedRow, RowPrompt] => {
      const { system = '', earlier, prompt = '' } = texts.fitted[texts.sources[i] ?? -1] ?? {}
      return [
        row,
        {
          system,
          ...(earlier ? { earlier } : {}),
          prompt,
          tokens: [...row.tokens.subarray(0, row.from + 1)],
        },
      ]
    }),
  )
  return { ...texts, byRow }
}
