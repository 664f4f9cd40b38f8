// Knows: how the messages before a row's completion become a teacher's tokens.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import { messagesOf } from '../../src/engine/tokenizers/templates/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'

/** The tokens of a row's messages; undefined for a conversation that the chat template refuses, such as two messages of the user in a row. */
export function encodePrompt(
  tokenizer: TextTokenizer,
  row: Pick<DatasetRow, 'system' | 'prompt' | 'earlier'>,
): number[] | undefined {
  try {
    return tokenizer.encodeChat(messagesOf(row), { closeReasoning: true })
  } catch (thrown) {
    if (row.earlier === undefined) throw thrown
    return undefined
  }
}
