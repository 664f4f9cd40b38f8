// Knows: what people should know about how a model's chats are written, in sentences.
import { CHAT_FORMATS, type ChatFormat } from '../../src/domain/chat-format.ts'
import type { ModelCard } from '../../src/domain/model-card.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'

const nameOf = (format: ChatFormat): string =>
  format === 'chatml' ? CHAT_FORMATS[format] : `${CHAT_FORMATS[format]}’s format`

/** For a card: how the template differs from what people expect; nothing for a usual one. `chosen`: by a person, in place of the model's own. */
export function describeChat(
  {
    templateTraits: traits,
    templateError,
    templateFamily,
  }: Pick<TextTokenizer, 'templateTraits' | 'templateError' | 'templateFamily'>,
  chosen?: ChatFormat,
): Pick<ModelCard, 'chatNotes' | 'reasoning'> {
  const notes: string[] = []
  if (templateFamily !== undefined)
    notes.push(
      templateFamily === chosen
        ? `Chats are written in ${nameOf(templateFamily)}, as you chose.`
        : `The model’s own chat template is empty, so chats are written in ${nameOf(templateFamily)}.`,
    )
  if (templateError !== undefined)
    notes.push(
      `${templateError.replace(/\.$/, '')}. If you know the model’s format, choose it as the chat template.`,
    )
  if (traits?.systemRole === false)
    notes.push(
      'Its chat template has no place for a system prompt: that text is put before the first message of the user.',
    )
  if (traits?.switchesReasoning)
    notes.push('It can reason before it responds. The setting “Reasoning” of a recipe switches that on.')
  if (traits?.opensReasoning)
    notes.push(
      'It always reasons before it responds, which takes tokens: its reasoning is cut out of the text. Its scores are read without any reasoning.',
    )
  const reasoning = traits?.switchesReasoning ? 'switch' : traits?.opensReasoning ? 'always' : undefined
  return {
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(notes.length === 0 ? {} : { chatNotes: notes }),
  }
}
